package ops

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// production builds the daemon as it is shipped: a forbidden call fails, so that the self-check can
// try them all.
var production = sync.OnceValues(func() (string, error) {
	dir, err := harness.Build("../..", "production", "./cmd/hassesd")
	return filepath.Join(dir, "hassesd"), err
})

// prepareForNobody prepares a daemon that will switch to user Nobody, with files that this user can
// read.
func prepareForNobody(t *testing.T, flags ...string) *harness.Daemon {
	t.Helper()
	harness.SkipUnlessRoot(t)
	d := harness.Prepare(t, append([]string{"--user", fmt.Sprint(harness.Nobody), "--group", fmt.Sprint(harness.Nobody), "--sandbox", "strict"}, flags...)...)
	d.OpenToNobody()
	return d
}

// statuses returns /proc/<pid>/task/<tid>/status of every thread of the daemon, by field.
func statuses(d *harness.Daemon) []map[string]string {
	d.T.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", d.Cmd.Process.Pid))
	if err != nil || len(files) == 0 {
		d.T.Fatalf("no threads: %v", err)
	}
	var all []map[string]string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		lines := map[string]string{}
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			lines[name] = strings.TrimSpace(value)
		}
		all = append(all, lines)
	}
	return all
}

func TestSandboxOfADaemonThatGaveUpRoot(t *testing.T) {
	t.Parallel()
	d := prepareForNobody(t)
	bin, err := production()
	if err != nil {
		t.Fatal(err)
	}
	d.Wrap = []string{bin}
	d.Run()
	answer := d.Sandbox()
	if answer.Mode != "strict" || answer.SelfCheck != "ok" || len(answer.Missing()) > 0 {
		t.Errorf("the daemon says %+v", answer)
	}
	var tried []string
	for _, c := range answer.Checks {
		tried = append(tried, c.Check)
		if !c.OK {
			t.Errorf("check %s: %s", c.Check, c.Error)
		}
	}
	for _, want := range []string{"threads", "become root", "execute a program", "make a netlink socket", "make a Multipath TCP socket", "map executable memory", "list /"} {
		if !slices.Contains(tried, want) {
			t.Errorf("%q was not tried: %q", want, tried)
		}
	}
	if !d.Log.WaitFor("self_check=ok") || !d.Log.WaitFor("uid=65534") {
		t.Error("the log does not tell the result")
	}

	// The same, from outside.
	for _, s := range statuses(d) {
		for name, want := range map[string]string{
			"Uid": "65534\t65534\t65534\t65534", "Gid": "65534\t65534\t65534\t65534", "Groups": "",
			"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapBnd": "0000000000000000", "CapAmb": "0000000000000000",
			"NoNewPrivs": "1", "Seccomp": "2",
		} {
			if s[name] != want {
				t.Errorf("thread %s: %s is %q, want %q", s["Pid"], name, s[name], want)
			}
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", d.Cmd.Process.Pid))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 0") {
		t.Errorf("core dumps are not forbidden: %v\n%s", err, limits)
	}

	if r := d.Ctl("sandbox"); r.Code != 0 || !strings.Contains(r.Stdout, "self-check ok") || !strings.Contains(r.Stdout, "remove  "+d.Dir) {
		t.Errorf("hassesctl sandbox: %s", r)
	}
	var printed harness.SandboxReport
	if r := d.Ctl("sandbox", "--json"); json.Unmarshal([]byte(r.Stdout), &printed) != nil || printed.SelfCheck != "ok" {
		t.Errorf("hassesctl sandbox --json: %s", r)
	}
}

// TestReloadBeyondTheSandbox reloads settings that name a file in a directory which the daemon did
// not know when it started.
func TestReloadBeyondTheSandbox(t *testing.T) {
	t.Parallel()
	harness.SkipInCoverage(t)
	d := harness.Prepare(t)
	other := t.TempDir()
	moved := d.CA.Make(t, nil)
	harness.WriteFile(t, filepath.Join(other, "cert.pem"), moved.Chain)
	harness.WriteFile(t, filepath.Join(other, "key.pem"), moved.Key)
	config := func(dir string) {
		harness.WriteFile(t, d.Path("hassesd.toml"), fmt.Appendf(nil, "[tls]\ncert_file = %q\nkey_file = %q\n", filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")))
	}
	config(d.Dir)
	d.Args = append(harness.WithoutFlags(d.Args, "--cert-file", "--key-file"), "--config", d.Path("hassesd.toml"))
	d.Run()
	before := d.ServedCertificate()
	config(other)
	if r := d.Ctl("reload"); r.Code != 1 || !strings.Contains(r.Stderr, other) || !strings.Contains(r.Stderr, "restart it") {
		t.Errorf("reload: %s; want that a restart is needed", r)
	}
	if !d.ServedCertificate().Equal(before) {
		t.Error("another certificate is shown")
	}
}

func TestStrictSandboxDoesNotGoWithRoot(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	d := harness.Prepare(t, "--sandbox", "strict")
	if r := harness.Run(t, "", harness.Hassesd, d.Args...); r.Code != 2 || !strings.Contains(r.Stderr, "--user") {
		t.Errorf("%s; want exit code 2 and what to do", r)
	}
}

// TestKernelWithoutALayer plays a kernel or a container without one of the system calls of the
// sandbox.
func TestKernelWithoutALayer(t *testing.T) {
	t.Parallel()
	for layer, call := range map[string]int{"landlock": sysLandlockCreateRuleset, "seccomp": syscallSeccomp} {
		t.Run(layer, func(t *testing.T) {
			t.Parallel()
			d := prepareForNobody(t)
			d.Wrap = append(withoutCall(t, call), harness.Hassesd)
			r := harness.Run(t, "", d.Wrap[0], append(d.Wrap[1:], d.Args...)...)
			if r.Code != 1 || !strings.Contains(r.Stderr, `"strict" wants every layer`) || !strings.Contains(strings.ToLower(r.Stderr), layer) {
				t.Errorf("strict: %s; want exit code 1 and the layer", r)
			}
			d.Args = append(d.Args, "--sandbox", "auto")
			d.Run()
			answer := d.Sandbox()
			if want := []string{layer}; answer.SelfCheck != "ok" || (layer == "landlock" && !slices.Equal(answer.Missing(), want)) || !slices.Contains(answer.Missing(), layer) {
				t.Errorf("auto: the daemon says %+v", answer)
			}
			if !d.Log.WaitFor("a layer of the sandbox is missing\" layer=" + layer) {
				t.Error("auto: nobody is warned")
			}
			s := d.Subscribe("subscribe=a")
			d.Send("a", "hello")
			harness.WantMessage(t, s, "hello")
		})
	}
}

// TestStartedWithoutRoot plays a service manager that chooses the user and grants the right to bind
// a low port.
func TestStartedWithoutRoot(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	setpriv := harness.Tool(t, "setpriv")
	d := harness.Prepare(t, "--sandbox", "strict")
	d.OpenToNobody()
	if err := os.Chown(d.Dir, harness.Nobody, harness.Nobody); err != nil {
		t.Fatal(err)
	}
	d.Args = append(d.Args, "--listen", "http://"+harness.PrivilegedAddress(t))
	d.Wrap = []string{
		setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service", harness.Hassesd,
	}
	d.Run()
	if answer := d.Sandbox(); answer.SelfCheck != "ok" || len(answer.Missing()) > 0 {
		t.Errorf("the daemon says %+v", answer)
	}
	for _, s := range statuses(d) {
		if s["CapEff"]+s["CapPrm"]+s["CapInh"]+s["CapAmb"] != strings.Repeat("0", 4*16) {
			t.Errorf("thread %s has capabilities left: %v", s["Pid"], s)
		}
	}
	s := d.Subscribe("subscribe=a")
	d.Send("a", "hello")
	harness.WantMessage(t, s, "hello")
	d.Signal(os.Interrupt)
	d.Wait(harness.Patience)
	if _, err := os.Stat(d.Socket); !os.IsNotExist(err) {
		t.Errorf("the control socket is still there: %v", err)
	}
}

func TestSandboxOff(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--sandbox", "off")
	answer := d.Sandbox()
	if answer.Mode != "off" || answer.SelfCheck != "none" || !slices.Contains(answer.Missing(), "landlock") || !slices.Contains(answer.Missing(), "seccomp") {
		t.Errorf("the daemon says %+v", answer)
	}
	if !d.Log.WaitFor("there is no sandbox") {
		t.Error("nobody is warned")
	}
}

// TestChroot runs the daemon in a root of its own, with its directory at the same path by a bind
// mount.
func TestChroot(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	unshare := harness.Tool(t, "unshare")
	if r := harness.Run(t, "", unshare, "--mount", "true"); r.Code != 0 {
		t.Skipf("no bind mounts can be made here: %s", r.Stderr)
	}
	jail := t.TempDir()
	d := prepareForNobody(t, "--chroot", jail)
	for _, dir := range []string{jail, filepath.Dir(jail)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if r := harness.Run(t, "", harness.Hassesd, d.Args...); r.Code != 2 || !strings.Contains(r.Stderr, "bind mounts") || !strings.Contains(r.Stderr, "tls.cert_file") {
		t.Errorf("an empty jail: %s; want exit code 2 and what is missing", r)
	}
	inside := filepath.Join(jail, d.Dir)
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	d.Wrap = []string{unshare, "--mount", "sh", "-c", `mount --bind "$0" "$1" && shift && exec "$@"`, d.Dir, inside, harness.Hassesd}
	d.Run()
	if answer := d.Sandbox(); answer.SelfCheck != "ok" || len(answer.Missing()) > 0 {
		t.Errorf("the daemon says %+v", answer)
	}
	if r := d.Ctl("status"); !strings.Contains(r.Stdout, "user nobody (uid 65534)") {
		t.Errorf("hassesctl status: %s", r)
	}
	if root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", d.Cmd.Process.Pid)); err != nil || root != jail {
		t.Errorf("its root is %q, %v; want %q", root, err, jail)
	}
	if d.MemoryStatus().BudgetBytes == 0 {
		t.Error("the machine's memory is not known in the chroot, so nothing bounds what is used")
	}
	renewed := d.CA.Make(t, nil)
	renewed.Install(t, d)
	d.GiveFiles()
	if r := d.Ctl("reload"); r.Code != 0 || !d.ServedCertificate().Equal(renewed.Leaf) {
		t.Errorf("reload: %s", r)
	}
}
