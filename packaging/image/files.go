package main

import (
	"os"
	"path/filepath"
	"slices"
	"time"
)

// owner is the user and the group that the image runs as, and that its directories for data belong to. It is the user
// "nonroot" of many other images.
const owner = 65532

// baseFiles returns the bottom layer, which is the same for every architecture and changes seldom.
func baseFiles(stage string) ([]file, error) {
	roots, err := rootCertificates()
	if err != nil {
		return nil, err
	}
	copyright, err := os.ReadFile(filepath.Join(stage, "copyright"))
	if err != nil {
		return nil, err
	}
	settings, err := os.ReadFile(filepath.Join(stage, "hassesd.toml"))
	if err != nil {
		return nil, err
	}
	return []file{
		{path: "etc", mode: 0o755},
		{path: "etc/hassesd", mode: 0o755},
		{path: "etc/hassesd/hassesd.toml", mode: 0o644, content: settings},
		{path: "etc/ssl", mode: 0o755},
		{path: "etc/ssl/certs", mode: 0o755},
		{path: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: roots},
		{path: "run", mode: 0o755},
		{path: "run/hassesd", mode: 0o750, owner: owner}, // for a volume: it gets the owner of the directory that it covers
		{path: "usr", mode: 0o755},
		{path: "usr/bin", mode: 0o755},
		{path: "usr/share", mode: 0o755},
		{path: "usr/share/doc", mode: 0o755},
		{path: "usr/share/doc/hassesd", mode: 0o755},
		{path: "usr/share/doc/hassesd/copyright", mode: 0o644, content: copyright},
		{path: "var", mode: 0o755},
		{path: "var/lib", mode: 0o755},
		{path: "var/lib/hassesd", mode: 0o700, owner: owner}, // likewise
	}, nil
}

// programFiles returns the top layer: the programs of one architecture, and what they are made of.
func programFiles(dir string) ([]file, error) {
	list := []file{
		{path: "usr/bin/hassesctl", mode: 0o755},
		{path: "usr/bin/hassesd", mode: 0o755},
		{path: "usr/share/doc/hassesd/sbom.cdx.json", mode: 0o644},
	}
	for i := range list {
		content, err := os.ReadFile(filepath.Join(dir, filepath.Base(list[i].path)))
		if err != nil {
			return nil, err
		}
		list[i].content = content
	}
	return list, nil
}

// writeFiles writes files below a directory, which it creates, with mode, owner and time of each.
func writeFiles(dir string, files []file, at time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, f.path)
		if f.content == nil {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
		} else if err := os.WriteFile(path, f.content, 0o644); err != nil {
			return err
		}
		if err := os.Chown(path, f.owner, f.owner); err != nil {
			return err
		}
		if err := os.Chmod(path, os.FileMode(f.mode)); err != nil {
			return err
		}
	}
	for _, f := range slices.Backward(files) { // a directory gets its time after what is in it
		if err := os.Chtimes(filepath.Join(dir, f.path), at, at); err != nil {
			return err
		}
	}
	return nil
}
