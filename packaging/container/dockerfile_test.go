package container

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// TestDockerfile builds the image by Dockerfile, with this machine's Go in a small image instead of Docker Hub's, and
// compares it with that of make image.
func TestDockerfile(t *testing.T) {
	dir := built(t)[0]
	s := newStore(t)
	version, epoch := os.Getenv("VERSION"), os.Getenv("SOURCE_DATE_EPOCH")
	env := goEnvironment(t)
	builder := s.builder(env)
	image := s.buildah("build", "--quiet", "--isolation", "chroot", "--format", "docker", "--pull-never",
		"--build-arg", "GO_IMAGE="+builder, "--build-arg", "VERSION="+version, "--build-arg", "SOURCE_DATE_EPOCH="+epoch,
		"-v", env["GOROOT"]+":/usr/local/go:ro", "-v", env["GOMODCACHE"]+":/go/pkg/mod", "-v", env["GOCACHE"]+":/go/cache",
		"../..")
	config, health := s.inspect(image)
	ours := s.pull(dir)
	want, wantHealth := s.inspect(ours)
	if config.Config.User != want.Config.User || !slices.Equal(config.Config.Entrypoint, want.Config.Entrypoint) || config.Config.StopSignal != want.Config.StopSignal ||
		!maps.Equal(config.Config.ExposedPorts, want.Config.ExposedPorts) || !slices.Equal(health, wantHealth) {
		t.Errorf("Dockerfile: %+v, health %q;\nmake image: %+v, health %q", config.Config, health, want.Config, wantHealth)
	}
	if !slices.Equal(slices.Sorted(slices.Values(config.Config.Env)), slices.Sorted(slices.Values(want.Config.Env))) {
		t.Errorf("variables %q, want %q", config.Config.Env, want.Config.Env)
	}

	name, root := s.from(image)
	_, wantRoot := s.from(ours)
	files, wantFiles := tree(t, root), tree(t, wantRoot)
	if !maps.Equal(files, wantFiles) {
		t.Errorf("Dockerfile: %v\nmake image: %v", files, wantFiles)
	}
	for _, path := range programs {
		if out, err := exec.CommandContext(t.Context(), "cmp", filepath.Join(root, path), filepath.Join(wantRoot, path)).CombinedOutput(); err != nil {
			t.Errorf("%s differs: %s", path, out)
		}
	}
	c := start(t, s.byBuildah(name, 65532), config.Config.Entrypoint)
	c.publishes()
	c.stop()
}

func goEnvironment(t *testing.T) map[string]string {
	t.Helper()
	env := make(map[string]string)
	for _, name := range []string{"GOROOT", "GOMODCACHE", "GOCACHE"} {
		out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		env[name] = strings.TrimSpace(string(out))
	}
	return env
}

// builder makes an image with a shell, into which Go and its caches are mounted.
func (s *store) builder(env map[string]string) string {
	s.t.Helper()
	busybox := harness.Tool(s.t, "busybox")
	name := s.buildah("from", "scratch")
	root := s.buildah("mount", name)
	for _, dir := range []string{"bin", "tmp", "usr/local/go", "go/pkg/mod", "go/cache", "src"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	s.buildah("copy", name, busybox, "/bin/busybox")
	for _, applet := range []string{"sh", "cp", "rm", "mkdir", "mktemp", "dirname"} {
		if err := os.Symlink("busybox", filepath.Join(root, "bin", applet)); err != nil {
			s.t.Fatal(err)
		}
	}
	s.buildah("config", "--env", "PATH=/usr/local/go/bin:/bin", "--env", "HOME=/tmp", "--env", "GOMODCACHE=/go/pkg/mod", "--env", "GOCACHE=/go/cache",
		"--env", "GOTOOLCHAIN=local", "--env", "GOPROXY=off", name)
	s.buildah("umount", name)
	s.buildah("commit", "--quiet", name, "localhost/builder")
	return "localhost/builder"
}
