package archtest

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// direct are the modules that ours uses by itself. One more of them is a decision: somebody else's code in a daemon that
// stands on the internet, with all that it brings along.
var direct = []string{
	"github.com/HdrHistogram/hdrhistogram-go",
	"github.com/creachadair/jrpc2",
	"github.com/fxamacker/cbor/v2",
	"github.com/golang-jwt/jwt/v5",
	"github.com/lmittmann/tint",
	"github.com/nats-io/jwt/v2",  // for tests: accounts and users of brokers
	"github.com/nats-io/nats.go", // the log of a cluster
	"github.com/nats-io/nkeys",   // and how a node shows who it is
	"github.com/pelletier/go-toml/v2", "github.com/prometheus/client_golang", "github.com/prometheus/common",
	"github.com/rogpeppe/go-internal",
	"github.com/tidwall/btree",
	"github.com/urfave/cli/v2",
	"go.uber.org/goleak",
	"golang.org/x/crypto",
	"golang.org/x/crypto/x509roots/fallback", // data for the container image, in no binary
	"golang.org/x/net",                       // hpack for HTTP/2; the rest is for tests
	"golang.org/x/sync",
	"golang.org/x/sys",
	"kernel.org/pub/linux/libs/security/libcap/psx",
}

// moduleFile is what go mod edit says of a go.mod.
type moduleFile struct {
	Go        string
	Toolchain string
	Require   []struct {
		Path, Version string
		Indirect      bool
	}
	Replace, Exclude []json.RawMessage
}

func readModule(t *testing.T, dir string) moduleFile {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json", filepath.Join(dir, "go.mod")).Output()
	if err != nil {
		t.Fatal(err)
	}
	var m moduleFile
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// modules are the directories with a go.mod: ours, the tools, and the clients that tests are made with.
var modules = []string{"../..", "../../tools", "../../tools/nfpm", "../../test/clients", "../../test/manifests"}

// TestT25ModulesArePinned proves that every module is one exact version whose hash is known, and comes from where it says.
func TestT25ModulesArePinned(t *testing.T) {
	t.Parallel()
	ours := readModule(t, modules[0])
	for _, dir := range modules {
		m := readModule(t, dir)
		sums := readText(t, filepath.Join(dir, "go.sum"))
		if len(m.Replace)+len(m.Exclude) > 0 {
			t.Errorf("%s/go.mod replaces or excludes modules: %s %s", dir, m.Replace, m.Exclude)
		}
		if len(m.Require) == 0 {
			t.Errorf("%s/go.mod requires nothing", dir)
		}
		for _, r := range m.Require {
			if !strings.Contains(sums, r.Path+" "+r.Version+"/go.mod h1:") {
				t.Errorf("%s/go.sum has no hash of %s %s", dir, r.Path, r.Version)
			}
		}
		if m.Go != ours.Go || m.Toolchain != "" {
			t.Errorf("%s/go.mod wants Go %s, toolchain %q; want %s, as ours does", dir, m.Go, m.Toolchain, ours.Go)
		}
	}
	var got []string
	for _, r := range ours.Require {
		if !r.Indirect {
			got = append(got, r.Path)
		}
	}
	if !slices.Equal(got, direct) {
		t.Errorf("go.mod requires %q\nwant %q; if a new one is meant, say so here", got, direct)
	}
}

// unsafeFetch is how the checks of the Go command are turned off.
var unsafeFetch = regexp.MustCompile(`GONOSUMDB|GONOSUMCHECK|GOINSECURE|GOPRIVATE|GOSUMDB=off|-insecure|-modcacherw`)

// unpinned is how a program gets in whose version somebody else decides.
var unpinned = regexp.MustCompile(`@latest|@main|@master|curl[^|\n]*\|\s*(ba)?sh`)

// TestT25BuildsCheckWhatTheyFetch proves that no build turns the checksum database off, that what is fetched by name has a
// version, and that continuous integration checks the modules that it has.
func TestT25BuildsCheckWhatTheyFetch(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"Makefile", "Dockerfile", ".ci/run", ".ci/deps", "packaging/build", "packaging/build-image", "packaging/build-rootfs", "packaging/programs", "test/peers/deps",
	} {
		text := readText(t, "../../"+file)
		for _, pattern := range []*regexp.Regexp{unsafeFetch, unpinned} {
			if found := pattern.FindString(text); found != "" {
				t.Errorf("%s has %q", file, found)
			}
		}
	}
	makefile := readText(t, "../../Makefile")
	if strings.Contains(makefile, "-mod=mod") {
		t.Error("the Makefile builds with -mod=mod, which writes hashes that are missing instead of refusing them")
	}
	if !strings.Contains(readText(t, "../../.ci/run"), "make lint") || !strings.Contains(makefile, "\n\tgo mod verify\n") {
		t.Error("continuous integration does not verify the modules: want go mod verify in make lint, and make lint in .ci/run")
	}
}
