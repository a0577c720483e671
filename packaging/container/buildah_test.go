package container

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// built returns the directories that IMAGES names: two builds of the same sources.
func built(t *testing.T) []string {
	t.Helper()
	dirs := filepath.SplitList(os.Getenv("IMAGES"))
	if len(dirs) == 0 {
		t.Skip("run by make check-image, which builds the image first")
	}
	if len(dirs) != 2 {
		t.Fatalf("want two builds, got %q", dirs)
	}
	return dirs
}

// store is a place of its own for images and containers.
type store struct {
	t    *testing.T
	args []string
}

func newStore(t *testing.T) *store {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can run containers without user namespaces")
	}
	harness.Tool(t, "buildah")
	dir := t.TempDir()
	return &store{t, []string{"--storage-driver", "vfs", "--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run")}}
}

// buildah runs a command of buildah that must succeed, and returns its standard output.
func (s *store) buildah(args ...string) string {
	s.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(s.t.Context(), "buildah", append(s.args, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), "LC_ALL=C", "BUILDAH_ISOLATION=chroot")
	if err := cmd.Run(); err != nil {
		s.t.Fatalf("buildah %q: %v\n%s%s", args, err, out.String(), errs.String())
	}
	return strings.TrimSpace(out.String())
}

// from makes a container of an image, and returns its name and the path of its root directory.
func (s *store) from(image string) (name, root string) {
	s.t.Helper()
	name = s.buildah("from", "--pull-never", image)
	root = s.buildah("mount", name)
	s.t.Cleanup(func() {
		cmd := exec.Command("buildah", append(s.args, "umount", name)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			s.t.Errorf("umount: %v, %s", err, out)
		}
	})
	return name, root
}

// configuration is how a container of an image runs, as far as we look.
type configuration struct {
	Architecture string `json:"architecture"`
	Config       struct {
		User         string
		ExposedPorts map[string]struct{}
		Env          []string
		Entrypoint   []string
		Labels       map[string]string
		StopSignal   string
	} `json:"config"`
	RootFS struct {
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
}

// inspect returns the configuration of an image, and the health check that Docker would run.
func (s *store) inspect(image string) (configuration, []string) {
	s.t.Helper()
	var all struct {
		OCIv1  configuration
		Docker struct {
			Config struct {
				Healthcheck struct{ Test []string }
			} `json:"config"`
		}
	}
	if err := json.Unmarshal([]byte(s.buildah("inspect", "--type", "image", image)), &all); err != nil {
		s.t.Fatal(err)
	}
	return all.OCIv1, all.Docker.Config.Healthcheck.Test
}

// pull takes the image of this machine's architecture from a build.
func (s *store) pull(dir string) string {
	s.t.Helper()
	return s.buildah("pull", "--quiet", "oci:"+filepath.Join(dir, "oci"))
}

var arch = runtime.GOARCH
