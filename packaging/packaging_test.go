// Package packaging holds the tests of the packages. `make check-package` builds them twice, from two places, and then
// runs these tests.
package packaging

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/runtimetest"
)

func TestMain(m *testing.M) { os.Exit(inOwnRuntimeDirectory(m)) }

func inOwnRuntimeDirectory(m *testing.M) int {
	defer runtimetest.Own()()
	return m.Run()
}

// built returns the directories that PACKAGES names.
func built(t *testing.T) []string {
	t.Helper()
	dirs := filepath.SplitList(os.Getenv("PACKAGES"))
	if len(dirs) == 0 {
		t.Skip("run by make check-package, which builds the packages first")
	}
	return dirs
}

// one returns the only package in the first directory that matches.
func one(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(built(t)[0], pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v; want one", pattern, found, err)
	}
	return found[0]
}

// run runs a program that must succeed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out.String(), errs.String())
	}
	return out.String()
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTwoBuildsAreTheSame(t *testing.T) {
	dirs := built(t)
	if len(dirs) != 2 {
		t.Fatalf("want two builds, got %q", dirs)
	}
	names := func(dir string) (list []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			list = append(list, e.Name())
		}
		return list
	}
	first, second := names(dirs[0]), names(dirs[1])
	if !slices.Equal(first, second) || len(first) != 9 {
		t.Fatalf("%q and %q; want two of .deb, .rpm, .tar.gz and .cdx.json, and SHA256SUMS", first, second)
	}
	for _, name := range first {
		if !bytes.Equal(read(t, filepath.Join(dirs[0], name)), read(t, filepath.Join(dirs[1], name))) {
			t.Errorf("%s differs", name)
		}
	}
}

func TestSums(t *testing.T) {
	dir := built(t)[0]
	lines := strings.Split(strings.TrimSpace(string(read(t, filepath.Join(dir, "SHA256SUMS")))), "\n")
	if len(lines) != 8 {
		t.Errorf("%d sums, want 8", len(lines))
	}
	for _, l := range lines {
		sum, name, _ := strings.Cut(l, "  ")
		if got := fmt.Sprintf("%x", sha256.Sum256(read(t, filepath.Join(dir, name)))); got != sum {
			t.Errorf("%s has %s, and SHA256SUMS says %s", name, got, sum)
		}
	}
}

// places are the files of both kinds of package, with mode and owner.
var places = map[string]string{
	"/etc/hassesd":                                        "drwxr-x--- root/hassesd",
	"/etc/hassesd/hassesd.toml":                           "-rw-r----- root/hassesd",
	"/usr/bin/hassesctl":                                  "-rwxr-xr-x root/root",
	"/usr/bin/hassesd":                                    "-rwxr-xr-x root/root",
	"/usr/lib/systemd/system/hassesd.socket":              "-rw-r--r-- root/root",
	"/usr/lib/systemd/system/hassesd.service":             "-rw-r--r-- root/root",
	"/usr/lib/systemd/system/hassesd-socket.service":      "-rw-r--r-- root/root",
	"/usr/lib/systemd/system/hassesd-control.socket":      "-rw-r--r-- root/root",
	"/usr/lib/sysusers.d/hassesd.conf":                    "-rw-r--r-- root/root",
	"/usr/lib/tmpfiles.d/hassesd.conf":                    "-rw-r--r-- root/root",
	"/usr/share/bash-completion/completions/hassesctl":    "-rw-r--r-- root/root",
	"/usr/share/bash-completion/completions/hassesd":      "-rw-r--r-- root/root",
	"/usr/share/fish/vendor_completions.d/hassesctl.fish": "-rw-r--r-- root/root",
	"/usr/share/fish/vendor_completions.d/hassesd.fish":   "-rw-r--r-- root/root",
	"/usr/share/doc/hassesd/copyright":                    "-rw-r--r-- root/root",
	"/usr/share/doc/hassesd/changelog.gz":                 "-rw-r--r-- root/root",
	"/usr/share/doc/hassesd/README.md":                    "-rw-r--r-- root/root",

	"/usr/share/doc/hassesd/examples/grafana/hassesd.json":         "-rw-r--r-- root/root",
	"/usr/share/doc/hassesd/examples/prometheus/hassesd.rules.yml": "-rw-r--r-- root/root",

	"/usr/share/man/man1/hassesctl.1.gz":    "-rw-r--r-- root/root",
	"/usr/share/man/man5/hassesd.toml.5.gz": "-rw-r--r-- root/root",
	"/usr/share/man/man8/hassesd.8.gz":      "-rw-r--r-- root/root",
}

// pages returns the documents and examples, by their paths below the repository.
func pages(t *testing.T) (list []string) {
	t.Helper()
	for _, dir := range []string{"docs", "examples"} {
		err := filepath.WalkDir(filepath.Join("..", dir), func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && d.Name() != ".gitignore" {
				list = append(list, strings.TrimPrefix(path, "../"))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// contents compares the files of a package with places, the documents and examples, and extra, the files of this kind
// alone.
func contents(t *testing.T, got map[string]string, extra ...string) {
	t.Helper()
	for _, page := range pages(t) {
		path := "/usr/share/doc/hassesd/" + page
		if got[path] != "-rw-r--r-- root/root" {
			t.Errorf("%s: %q", path, got[path])
		}
		extra = append(extra, path)
	}
	for path, want := range places {
		if got[path] != want {
			t.Errorf("%s: %q, want %q", path, got[path], want)
		}
	}
	for _, path := range extra {
		if got[path] == "" {
			t.Errorf("%s is missing", path)
		}
	}
	for path, is := range got {
		if _, ok := places[path]; !ok && !slices.Contains(extra, path) && !strings.HasPrefix(is, "d") {
			t.Errorf("%s is in the package, and nobody knows of it", path)
		}
	}
}

func TestDebContents(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		deb := one(t, "*_"+arch+".deb")
		got := make(map[string]string)
		for l := range strings.Lines(run(t, "dpkg-deb", "-c", deb)) {
			f := strings.Fields(l)
			got[strings.TrimSuffix(strings.TrimPrefix(f[5], "."), "/")] = f[0] + " " + f[1]
		}
		contents(t, got, "/usr/share/zsh/vendor-completions/_hassesctl", "/usr/share/zsh/vendor-completions/_hassesd", "/usr/share/doc/hassesd/changelog.Debian.gz", "/usr/share/lintian/overrides/hassesd")
		if got := strings.TrimSpace(run(t, "dpkg-deb", "-f", deb, "Architecture")); got != arch {
			t.Errorf("architecture %s, want %s", got, arch)
		}
		if conf := run(t, "dpkg-deb", "--ctrl-tarfile", deb); !strings.Contains(conf, "/etc/hassesd/hassesd.toml\n") {
			t.Error("the configuration is no conffile")
		}
	}
}

func TestRPMContents(t *testing.T) {
	for _, arch := range []string{"x86_64", "aarch64"} {
		rpm := one(t, "*."+arch+".rpm")
		got := make(map[string]string)
		for l := range strings.Lines(run(t, "rpm", "-qp", "--qf", "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]", rpm)) {
			f := strings.Fields(l)
			got[f[2]] = f[0] + " " + f[1]
		}
		contents(t, got, "/usr/share/zsh/site-functions/_hassesctl", "/usr/share/zsh/site-functions/_hassesd")
		if conf := run(t, "rpm", "-qpc", rpm); conf != "/etc/hassesd/hassesd.toml\n" {
			t.Errorf("configuration files %q", conf)
		}
	}
}

// TestInstall puts the package into a fresh root, upgrades and removes it there.
func TestInstall(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can install")
	}
	deb := one(t, "*_"+strings.TrimSpace(run(t, "dpkg", "--print-architecture"))+".deb")
	root := t.TempDir()
	for path, text := range map[string]string{
		"etc/passwd": "root:x:0:0::/root:/bin/sh\n", "etc/group": "root:x:0:\n", "var/lib/dpkg/status": "",
		"var/lib/dpkg/info/.keep": "", "var/lib/dpkg/updates/.keep": "",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".keep") {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dpkg := func(args ...string) {
		t.Helper()
		run(t, "dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-depends"}, args...)...)
	}
	dpkg("-i", deb)
	for _, want := range []string{"hassesd:x:", "hassesd-admin:x:"} {
		if groups := string(read(t, filepath.Join(root, "etc/group"))); strings.Count(groups, "\n"+want) != 1 {
			t.Errorf("groups %q, want %s once", groups, want)
		}
	}
	if users := string(read(t, filepath.Join(root, "etc/passwd"))); !strings.Contains(users, ":/var/lib/hassesd:/usr/sbin/nologin") {
		t.Errorf("users %q", users)
	}
	config := filepath.Join(root, "etc/hassesd/hassesd.toml")
	hassesd := filepath.Join(root, "usr/bin/hassesd")
	if out := run(t, hassesd, "check", "--dev", "--config", config); out != "ok\n" {
		t.Errorf("the packaged configuration: %q", out)
	}
	// The daemon does not start as installed: the settings name neither who may subscribe nor a certificate.
	if out, err := exec.CommandContext(t.Context(), hassesd, "check", "--config", config).CombinedOutput(); err == nil || !strings.Contains(string(out), "auth.mode") {
		t.Errorf("unconfigured: %v, %s", err, out)
	}
	if out := run(t, filepath.Join(root, "usr/bin/hassesctl"), "version", "--json", "--socket", "/nowhere"); !json.Valid([]byte(out)) {
		t.Errorf("hassesctl: %q", out)
	}

	changed := append(read(t, config), "# ours\n"...)
	if err := os.WriteFile(config, changed, 0o640); err != nil {
		t.Fatal(err)
	}
	dpkg("-i", deb)
	if !bytes.Equal(read(t, config), changed) {
		t.Error("an upgrade has overwritten the configuration")
	}
	dpkg("--remove", "hassesd")
	if _, err := os.Stat(config); err != nil {
		t.Errorf("removing took the configuration away: %v", err)
	}
	dpkg("--purge", "hassesd")
	if _, err := os.Stat(filepath.Dir(config)); err == nil {
		t.Error("a purge leaves the configuration behind")
	}
}

// TestUsersAndDirectories applies systemd's sysusers and tmpfiles to a root of their own.
func TestUsersAndDirectories(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make users")
	}
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	own := func(name string) string { // with --root, systemd reads only a full path from us
		path, err := filepath.Abs(filepath.Join("..", "systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	run(t, "systemd-sysusers", "--root="+root, own("hassesd.sysusers"))
	users := string(read(t, filepath.Join(root, "etc/passwd")))
	if !regexp.MustCompile(`(?m)^hassesd:x:\d+:\d+:hassesd:/var/lib/hassesd:/usr/sbin/nologin$`).MatchString(users) {
		t.Errorf("users %q", users)
	}
	run(t, "systemd-tmpfiles", "--create", "--root="+root, own("hassesd.tmpfiles"))
	info, err := os.Stat(filepath.Join(root, "run/hassesd"))
	if err != nil || info.Mode() != os.ModeDir|os.ModeSetgid|0o750 {
		t.Errorf("/run/hassesd: %v, %v", info, err)
	}
}

func TestLintian(t *testing.T) {
	deb := one(t, "*_amd64.deb")
	out, err := exec.CommandContext(t.Context(), "lintian", "--no-cfg", "--fail-on", "error", "--tag-display-limit", "0", deb).CombinedOutput()
	if err != nil {
		t.Errorf("lintian: %v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// TestManualPages formats the manual pages with groff, as man does.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	run(t, "dpkg-deb", "-x", one(t, "*_amd64.deb"), dir)
	pages, err := filepath.Glob(filepath.Join(dir, "usr/share/man/man*/*.gz"))
	if err != nil || len(pages) != 3 {
		t.Fatalf("%v, %v", pages, err)
	}
	for _, page := range pages {
		cmd := exec.CommandContext(t.Context(), "man", "--warnings", "-E", "UTF-8", "-Tutf8", "-Z", "-l", page)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANROFFSEQ=", "MANWIDTH=80")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Run(); err != nil || errs.Len() > 0 {
			t.Errorf("%s: %v, %s", filepath.Base(page), err, errs.String())
		}
	}
}

// TestArchive proves that the archive has documents, examples and completions, like the packages.
func TestArchive(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		got := make(map[string]bool)
		for l := range strings.Lines(run(t, "tar", "-tzf", one(t, "*_linux_"+arch+".tar.gz"))) {
			_, path, _ := strings.Cut(strings.TrimSpace(l), "/")
			got[path] = true
		}
		want := append(pages(t), "README.md", "LICENSE", "CHANGELOG.md", "copyright", "hassesd.toml", "systemd/hassesd.service", "man/hassesd.8.gz")
		for _, program := range []string{"hassesd", "hassesctl"} {
			want = append(want, program, "completion/"+program+"/bash", "completion/"+program+"/zsh", "completion/"+program+"/fish")
		}
		for _, path := range want {
			if !got[path] {
				t.Errorf("%s is not in the archive for %s", path, arch)
			}
		}
	}
}

// maxSize bounds the programs, in bytes. hassesd had 17.1 million without the cluster, which was to add two at most.
var maxSize = map[string]int64{
	"hassesd amd64": 19_100_000, "hassesctl amd64": 10_700_000,
	"hassesd arm64": 17_700_000, "hassesctl arm64": 9_900_000,
}

// TestBinariesAreStatic proves that the binaries need nothing but the kernel, and are no larger than they have to be.
func TestBinariesAreStatic(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		dir := t.TempDir()
		run(t, "tar", "-C", dir, "--strip-components=1", "-xzf", one(t, "*_linux_"+arch+".tar.gz"))
		for _, name := range []string{"hassesd", "hassesctl"} {
			info := run(t, "go", "version", "-m", filepath.Join(dir, name))
			for _, want := range []string{"CGO_ENABLED=0", "-trimpath=true", "-tags=urfave_cli_no_docs,nethttpomithttp2", "GOARCH=" + arch} {
				if !strings.Contains(info, want) {
					t.Errorf("%s for %s was built without %s:\n%s", name, arch, want, info)
				}
			}
			if strings.Contains(info, "vcs.") {
				t.Errorf("%s for %s depends on the state of the checkout:\n%s", name, arch, info)
			}
			if size := int64(len(read(t, filepath.Join(dir, name)))); size > maxSize[name+" "+arch] {
				t.Errorf("%s for %s has %d bytes, and at most %d are wanted: see what has grown with 'go tool nm -size -sort size'", name, arch, size, maxSize[name+" "+arch])
			}
		}
	}
}
