package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"time"
)

// file is a file or, without content, a directory of a layer.
type file struct {
	path    string // without a slash at its beginning
	mode    int64
	owner   int // user and group
	content []byte
}

// writeTar writes the files in their order, with the same time each.
func writeTar(w io.Writer, files []file, at time.Time) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		header := &tar.Header{
			Format:   tar.FormatUSTAR,
			Typeflag: tar.TypeReg,
			Name:     f.path,
			Size:     int64(len(f.content)),
			Mode:     f.mode,
			Uid:      f.owner,
			Gid:      f.owner,
			ModTime:  at,
		}
		if f.content == nil {
			header.Typeflag, header.Name = tar.TypeDir, f.path+"/"
		}
		if err := t.WriteHeader(header); err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
		if _, err := t.Write(f.content); err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
	}
	return t.Close()
}

// layer is a layer of an image.
type layer struct {
	diffID  string // digest of the tar archive
	content []byte // the same compressed
}

// newLayer returns the layer of the files.
func newLayer(files []file, at time.Time) (layer, error) {
	var plain, packed bytes.Buffer
	if err := writeTar(&plain, files, at); err != nil {
		return layer{}, err
	}
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return layer{}, err
	}
	if _, err := z.Write(plain.Bytes()); err != nil {
		return layer{}, err
	}
	if err := z.Close(); err != nil {
		return layer{}, err
	}
	return layer{diffID: digest(plain.Bytes()), content: packed.Bytes()}, nil
}
