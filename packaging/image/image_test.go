package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Unix(1_800_000_000, 0).UTC()

// stageOf writes what the image is made of.
func stageOf(t *testing.T) string {
	t.Helper()
	stage := t.TempDir()
	for name, text := range map[string]string{
		"copyright": "terms\n", "hassesd.toml": "[control]\n",
		"amd64/hassesd": "a daemon", "amd64/hassesctl": "a client", "amd64/sbom.cdx.json": "{}",
		"arm64/hassesd": "another daemon", "arm64/hassesctl": "another client", "arm64/sbom.cdx.json": "{}",
	} {
		file := filepath.Join(stage, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return stage
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func parse[T any](t *testing.T, content []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(content, &v); err != nil {
		t.Fatalf("%v in %s", err, content)
	}
	return v
}

// entries returns the headers and the contents of an archive in their order.
func entries(t *testing.T, archive []byte) (headers []*tar.Header, contents map[string]string) {
	t.Helper()
	contents = make(map[string]string)
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, h)
		contents[h.Name] = string(content)
	}
}

func TestTheLayoutIsWholeAndTheSameEachTime(t *testing.T) {
	stage := stageOf(t)
	out, again := t.TempDir(), t.TempDir()
	for _, dir := range []string{out, again} {
		if err := run([]string{"layout", "v1.2.3", "1800000000", stage, dir}); err != nil {
			t.Fatal(err)
		}
	}
	archive := read(t, filepath.Join(out, "hassesd.tar"))
	if !bytes.Equal(archive, read(t, filepath.Join(again, "hassesd.tar"))) {
		t.Error("two builds differ")
	}
	headers, inArchive := entries(t, archive)
	for _, h := range headers {
		if !h.ModTime.Equal(noon) {
			t.Errorf("%s has the time %s", h.Name, h.ModTime)
		}
	}

	layoutDir := filepath.Join(out, "oci")
	files := 0
	err := filepath.WalkDir(layoutDir, func(file string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files++
			name, _ := filepath.Rel(layoutDir, file)
			if inArchive[name] != string(read(t, file)) {
				t.Errorf("%s is not in the archive, or another", name)
			}
		}
		return err
	})
	if err != nil || files != 11 {
		t.Errorf("%d files, %v; want oci-layout, index.json, manifest.json, an index, and for two images a manifest and a configuration each and three layers", files, err)
	}
	blob := func(d descriptor) []byte {
		t.Helper()
		content := read(t, filepath.Join(layoutDir, blobPath(d.Digest)))
		if digest(content) != d.Digest || int64(len(content)) != d.Size {
			t.Errorf("%+v: the blob has %d bytes and the digest %s", d, len(content), digest(content))
		}
		return content
	}

	top := parse[index](t, read(t, filepath.Join(layoutDir, "index.json")))
	if len(top.Manifests) != 1 || top.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != "1.2.3" {
		t.Fatalf("index.json: %+v", top)
	}
	all := parse[index](t, blob(top.Manifests[0]))
	docker := parse[[]dockerManifest](t, read(t, filepath.Join(layoutDir, "manifest.json")))
	if len(all.Manifests) != 2 || len(docker) != 2 {
		t.Fatalf("index: %+v, manifest.json: %+v", all, docker)
	}
	for i, arch := range architectures {
		d := all.Manifests[i]
		m := parse[manifest](t, blob(d))
		config := parse[image](t, blob(m.Config))
		if *d.Platform != (platform{arch, "linux"}) || config.Architecture != arch || config.OS != "linux" || !config.Created.Equal(noon) {
			t.Errorf("%s: platform %+v, configuration %+v", arch, d.Platform, config)
		}
		if docker[i].Config != blobPath(m.Config.Digest) || docker[i].RepoTags[0] != "hassesd:1.2.3-"+arch || len(docker[i].Layers) != len(m.Layers) {
			t.Errorf("%s: manifest.json has %+v", arch, docker[i])
		}
		contents := make(map[string]string)
		for j, one := range m.Layers {
			z, err := gzip.NewReader(bytes.NewReader(blob(one)))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			if digest(plain) != config.RootFS.DiffIDs[j] || docker[i].Layers[j] != blobPath(one.Digest) {
				t.Errorf("%s: layer %d is not that of the configuration or of manifest.json", arch, j)
			}
			_, more := entries(t, plain)
			maps.Copy(contents, more)
		}
		if !strings.HasSuffix(contents["usr/bin/hassesd"], "daemon") || contents["usr/share/doc/hassesd/copyright"] != "terms\n" {
			t.Errorf("%s: contents %q", arch, slices.Sorted(maps.Keys(contents)))
		}
	}
	if all.Manifests[0].Digest == all.Manifests[1].Digest {
		t.Error("both architectures have the same image")
	}
}

// TestFilesHaveTheirDirectories: what unpacks a layer makes no directory of its own, with rights of its own.
func TestFilesHaveTheirDirectories(t *testing.T) {
	stage := stageOf(t)
	base, err := baseFiles(stage)
	if err != nil {
		t.Fatal(err)
	}
	programs, err := programFiles(filepath.Join(stage, "arm64"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{".": true}
	for _, f := range append(base, programs...) {
		if !seen[path.Dir(f.path)] {
			t.Errorf("%s comes before its directory", f.path)
		}
		seen[f.path] = true
		if f.mode&0o022 != 0 || f.mode&0o7000 != 0 {
			t.Errorf("%s has the mode %o", f.path, f.mode)
		}
	}
	if _, err := programFiles(filepath.Join(stage, "riscv64")); !os.IsNotExist(err) {
		t.Errorf("an architecture that was not built: %v", err)
	}
}

func TestConfiguration(t *testing.T) {
	text, err := json.Marshal(newImageConfig("1.2.3", noon))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"User":"65532:65532"`, `"8080/tcp":{}`, `"8085/tcp":{}`, `"8443/tcp":{}`, `"org.opencontainers.image.version":"1.2.3"`,
		`"Test":["CMD","/usr/bin/hassesctl","ping"],"Interval":30000000000`, `"StopSignal":"SIGTERM"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}

func TestRootCertificates(t *testing.T) {
	text, err := rootCertificates()
	if err != nil {
		t.Fatal(err)
	}
	pool, n := x509.NewCertPool(), 0
	for rest := text; ; n++ {
		block, after := pem.Decode(rest)
		if block == nil {
			break
		}
		rest = after
	}
	if !pool.AppendCertsFromPEM(text) || n < 100 {
		t.Errorf("%d certificates", n)
	}
	if !strings.Contains(string(text), "ISRG Root X1") {
		t.Error("the root of Let's Encrypt is missing")
	}
}

func TestTag(t *testing.T) {
	for version, want := range map[string]string{"v1.2.3": "1.2.3", "1.2.3+dirty": "1.2.3-dirty", "a1b2c3d-dirty": "a1b2c3d-dirty", "v1.0.0~rc1": "1.0.0-rc1"} {
		if got := tag(version); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

func TestRootFS(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	out := filepath.Join(t.TempDir(), "rootfs")
	if err := run([]string{"rootfs", "1800000000", stageOf(t), "amd64", out}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(out, "var/lib/hassesd"))
	if err != nil || info.Mode() != os.ModeDir|0o700 || !info.ModTime().Equal(noon) {
		t.Errorf("%v, %v", info, err)
	}
	if got := read(t, filepath.Join(out, "usr/bin/hassesd")); string(got) != "a daemon" {
		t.Errorf("hassesd is %q", got)
	}
}

func TestOnlyGoodArguments(t *testing.T) {
	for _, args := range [][]string{
		nil,
		{"layout"},
		{"layout", "1", "soon", stageOf(t), t.TempDir()},
		{"layout", "1", "1", t.TempDir(), t.TempDir()},
		{"rootfs", "1", stageOf(t), "riscv64", t.TempDir()},
		{"else", "1", "1", stageOf(t), t.TempDir()},
	} {
		if err := run(args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}
