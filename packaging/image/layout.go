package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// layout is an OCI image layout in memory, which Docker can load as well.
type layout struct {
	files    map[string][]byte // by path
	images   []descriptor
	byDocker []dockerManifest
}

func newLayout() *layout {
	return &layout{files: map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}}
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// blobPath returns the path of the blob with that digest in a layout.
func blobPath(digest string) string { return "blobs/" + strings.Replace(digest, ":", "/", 1) }

// addBlob adds content and returns its descriptor.
func (l *layout) addBlob(mediaType string, content []byte) descriptor {
	d := descriptor{MediaType: mediaType, Digest: digest(content), Size: int64(len(content))}
	l.files[blobPath(d.Digest)] = content
	return d
}

func (l *layout) addJSON(mediaType string, v any) (descriptor, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return descriptor{}, err
	}
	return l.addBlob(mediaType, content), nil
}

// addImage adds the image for one architecture with a layer for each list of files.
func (l *layout) addImage(version, arch string, at time.Time, layers ...[]file) error {
	i := image{
		Created:      at,
		Author:       "The hassesd developers",
		Architecture: arch,
		OS:           "linux",
		Config:       newImageConfig(version, at),
		RootFS:       rootFS{Type: "layers"},
	}
	m := manifest{SchemaVersion: 2, MediaType: mediaManifest, Annotations: labels(version, at)}
	docker := dockerManifest{RepoTags: []string{"hassesd:" + tag(version) + "-" + arch}}
	for _, files := range layers {
		one, err := newLayer(files, at)
		if err != nil {
			return err
		}
		blob := l.addBlob(mediaLayer, one.content)
		m.Layers = append(m.Layers, blob)
		docker.Layers = append(docker.Layers, blobPath(blob.Digest))
		i.RootFS.DiffIDs = append(i.RootFS.DiffIDs, one.diffID)
		i.History = append(i.History, history{Created: at, CreatedBy: "make image"})
	}
	config, err := l.addJSON(mediaConfig, i)
	if err != nil {
		return err
	}
	m.Config, docker.Config = config, blobPath(config.Digest)
	d, err := l.addJSON(mediaManifest, m)
	if err != nil {
		return err
	}
	d.Platform = &platform{Architecture: arch, OS: "linux"}
	l.images, l.byDocker = append(l.images, d), append(l.byDocker, docker)
	return nil
}

// finish adds the index of all images, under the name of the version.
func (l *layout) finish(version string, at time.Time) error {
	all, err := l.addJSON(mediaIndex, index{SchemaVersion: 2, MediaType: mediaIndex, Manifests: l.images, Annotations: labels(version, at)})
	if err != nil {
		return err
	}
	all.Annotations = map[string]string{
		"org.opencontainers.image.ref.name": tag(version),
		"io.containerd.image.name":          "docker.io/library/hassesd:" + tag(version), // as Docker names an image without a registry
	}
	for name, v := range map[string]any{
		"index.json":    index{SchemaVersion: 2, MediaType: mediaIndex, Manifests: []descriptor{all}},
		"manifest.json": l.byDocker,
	} {
		if l.files[name], err = json.Marshal(v); err != nil {
			return err
		}
	}
	return nil
}

// tag returns a version as a tag of an image, which has only word characters, dots and dashes.
func tag(version string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '.' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '-'
	}, strings.TrimPrefix(version, "v"))
}

// writeDirectory writes the layout into a directory that must not exist yet.
func (l *layout) writeDirectory(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for name, content := range l.files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeArchive writes the layout as one tar archive.
func (l *layout) writeArchive(path string, at time.Time) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	return l.writeTar(f, at)
}

func (l *layout) writeTar(w io.Writer, at time.Time) error {
	files := []file{{path: "blobs", mode: 0o755}, {path: "blobs/sha256", mode: 0o755}}
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		files = append(files, file{path: name, mode: 0o644, content: l.files[name]})
	}
	if err := writeTar(w, files, at); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}
