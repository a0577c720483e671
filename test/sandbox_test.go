package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// nobody is who daemons of these tests become.
const nobody = 65534

// production builds the daemon as it is shipped: a forbidden call fails, so that its self-check can try them all.
var production = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "production")
	return filepath.Join(dir, "hassesd"), build("..", dir+"/", "./cmd/hassesd")
})

// sandboxAnswer is what a daemon says of its sandbox.
type sandboxAnswer struct {
	Mode      string `json:"mode"`
	SelfCheck string `json:"self_check"`
	Threads   int    `json:"threads"`
	Layers    []struct {
		Layer   string `json:"layer"`
		InForce bool   `json:"in_force"`
		Detail  string `json:"detail"`
	} `json:"layers"`
	Paths []struct {
		Path string `json:"path"`
		Use  string `json:"use"`
	} `json:"paths"`
	ConnectPorts []int `json:"connect_ports"`
	Checks       []struct {
		Check string `json:"check"`
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	} `json:"checks"`
}

func (d *daemon) sandbox() sandboxAnswer {
	d.t.Helper()
	var answer sandboxAnswer
	d.call("sandbox", nil, &answer)
	return answer
}

// missing are the layers that are not in force.
func (a sandboxAnswer) missing() (layers []string) {
	for _, l := range a.Layers {
		if !l.InForce {
			layers = append(layers, l.Layer)
		}
	}
	return layers
}

// prepareForNobody is a daemon that will give up root, with files that the lesser user can read.
func prepareForNobody(t *testing.T, flags ...string) *daemon {
	t.Helper()
	skipUnlessRoot(t)
	d := prepare(t, append([]string{"--user", fmt.Sprint(nobody), "--group", fmt.Sprint(nobody), "--sandbox", "strict"}, flags...)...)
	d.openToNobody()
	return d
}

// openToNobody lets the lesser user into the daemon's directory, and read its key.
func (d *daemon) openToNobody() {
	d.t.Helper()
	for _, dir := range []string{d.dir, filepath.Dir(d.dir)} { // tests' directories are for their user alone
		if err := os.Chmod(dir, 0o755); err != nil {
			d.t.Fatal(err)
		}
	}
	d.giveFiles()
}

// giveFiles lets the lesser user's group read certificate, key and settings, as far as there are any.
func (d *daemon) giveFiles() {
	d.t.Helper()
	for _, name := range []string{"cert.pem", "key.pem", "hassesd.toml"} {
		err := errors.Join(os.Chown(d.path(name), 0, nobody), os.Chmod(d.path(name), 0o640))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			d.t.Fatal(err)
		}
	}
}

// statuses are what the kernel says of every thread of the daemon, line by line.
func (d *daemon) statuses() []map[string]string {
	d.t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", d.cmd.Process.Pid))
	if err != nil || len(files) == 0 {
		d.t.Fatalf("no threads: %v", err)
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
	d.wrap = []string{bin}
	d.run()
	answer := d.sandbox()
	if answer.Mode != "strict" || answer.SelfCheck != "ok" || len(answer.missing()) > 0 {
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
	if !d.log.says("self_check=ok") || !d.log.says("uid=65534") {
		t.Error("the log does not tell the result")
	}

	// The same, from outside.
	for _, s := range d.statuses() {
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
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", d.cmd.Process.Pid))
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 0") {
		t.Errorf("core dumps are not forbidden: %v\n%s", err, limits)
	}

	if r := d.ctl("sandbox"); r.code != 0 || !strings.Contains(r.stdout, "self-check ok") || !strings.Contains(r.stdout, "remove  "+d.dir) {
		t.Errorf("hassesctl sandbox: %s", r)
	}
	var printed sandboxAnswer
	if r := d.ctl("sandbox", "--json"); json.Unmarshal([]byte(r.stdout), &printed) != nil || printed.SelfCheck != "ok" {
		t.Errorf("hassesctl sandbox --json: %s", r)
	}
}

// TestReloadBeyondTheSandbox names a file, after the start, in a directory that the daemon did not know of then.
func TestReloadBeyondTheSandbox(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	other := t.TempDir()
	moved := d.ca.make(t, nil)
	write(t, filepath.Join(other, "cert.pem"), moved.chain)
	write(t, filepath.Join(other, "key.pem"), moved.key)
	config := func(dir string) {
		write(t, d.path("hassesd.toml"), fmt.Appendf(nil, "[tls]\ncert_file = %q\nkey_file = %q\n", filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")))
	}
	config(d.dir)
	d.args = append(withoutFlags(d.args, "--cert-file", "--key-file"), "--config", d.path("hassesd.toml"))
	d.run()
	before := d.shown()
	config(other)
	if r := d.ctl("reload"); r.code != 1 || !strings.Contains(r.stderr, other) || !strings.Contains(r.stderr, "restart it") {
		t.Errorf("reload: %s; want that a restart is needed", r)
	}
	if !d.shown().Equal(before) {
		t.Error("another certificate is shown")
	}
}

func TestStrictSandboxDoesNotGoWithRoot(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t)
	d := prepare(t, "--sandbox", "strict")
	if r := command(t, "", hassesd, d.args...); r.code != 2 || !strings.Contains(r.stderr, "--user") {
		t.Errorf("%s; want exit code 2 and what to do", r)
	}
}

// TestKernelWithoutALayer plays a kernel, or a container, in which a system call of the sandbox does not exist.
func TestKernelWithoutALayer(t *testing.T) {
	t.Parallel()
	for layer, call := range map[string]int{"landlock": sysLandlockCreateRuleset, "seccomp": syscallSeccomp} {
		t.Run(layer, func(t *testing.T) {
			t.Parallel()
			d := prepareForNobody(t)
			d.wrap = append(withoutCall(t, call), hassesd)
			r := command(t, "", d.wrap[0], append(d.wrap[1:], d.args...)...)
			if r.code != 1 || !strings.Contains(r.stderr, `"strict" wants every layer`) || !strings.Contains(strings.ToLower(r.stderr), layer) {
				t.Errorf("strict: %s; want exit code 1 and the layer", r)
			}
			d.args = append(d.args, "--sandbox", "auto")
			d.run()
			answer := d.sandbox()
			if want := []string{layer}; answer.SelfCheck != "ok" || (layer == "landlock" && !slices.Equal(answer.missing(), want)) || !slices.Contains(answer.missing(), layer) {
				t.Errorf("auto: the daemon says %+v", answer)
			}
			if !d.log.says("a layer of the sandbox is missing\" layer=" + layer) {
				t.Error("auto: nobody is warned")
			}
			s := d.subscribe("subscribe=a")
			d.send("a", "hello")
			message(t, s, "hello")
		})
	}
}

// TestStartedWithoutRoot plays a service manager that has chosen the user and lends the right to bind a low port.
func TestStartedWithoutRoot(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t)
	setpriv := tool(t, "setpriv")
	d := prepare(t, "--sandbox", "strict")
	d.openToNobody()
	if err := os.Chown(d.dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	d.args = append(d.args, "--listen", "http://"+privilegedAddress(t))
	d.wrap = []string{
		setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service", hassesd,
	}
	d.run()
	if answer := d.sandbox(); answer.SelfCheck != "ok" || len(answer.missing()) > 0 {
		t.Errorf("the daemon says %+v", answer)
	}
	for _, s := range d.statuses() {
		if s["CapEff"]+s["CapPrm"]+s["CapInh"]+s["CapAmb"] != strings.Repeat("0", 4*16) {
			t.Errorf("thread %s has capabilities left: %v", s["Pid"], s)
		}
	}
	s := d.subscribe("subscribe=a")
	d.send("a", "hello")
	message(t, s, "hello")
	d.signal(os.Interrupt)
	d.wait(patience)
	if _, err := os.Stat(d.socket); !os.IsNotExist(err) {
		t.Errorf("the control socket is still there: %v", err)
	}
}

func TestSandboxOff(t *testing.T) {
	t.Parallel()
	d := start(t, "--sandbox", "off")
	answer := d.sandbox()
	if answer.Mode != "off" || answer.SelfCheck != "none" || !slices.Contains(answer.missing(), "landlock") || !slices.Contains(answer.missing(), "seccomp") {
		t.Errorf("the daemon says %+v", answer)
	}
	if !d.log.says("there is no sandbox") {
		t.Error("nobody is warned")
	}
}

// TestChroot gives the daemon a root of its own, in which its directory is found at the same path by a bind mount.
func TestChroot(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t)
	unshare := tool(t, "unshare")
	if r := command(t, "", unshare, "--mount", "true"); r.code != 0 {
		t.Skipf("no bind mounts can be made here: %s", r.stderr)
	}
	jail := t.TempDir()
	d := prepareForNobody(t, "--chroot", jail)
	for _, dir := range []string{jail, filepath.Dir(jail)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if r := command(t, "", hassesd, d.args...); r.code != 2 || !strings.Contains(r.stderr, "bind mounts") || !strings.Contains(r.stderr, "tls.cert_file") {
		t.Errorf("an empty jail: %s; want exit code 2 and what is missing", r)
	}
	inside := filepath.Join(jail, d.dir)
	if err := os.MkdirAll(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	d.wrap = []string{unshare, "--mount", "sh", "-c", `mount --bind "$0" "$1" && shift && exec "$@"`, d.dir, inside, hassesd}
	d.run()
	if answer := d.sandbox(); answer.SelfCheck != "ok" || len(answer.missing()) > 0 {
		t.Errorf("the daemon says %+v", answer)
	}
	if r := d.ctl("status"); !strings.Contains(r.stdout, "user nobody (uid 65534)") {
		t.Errorf("hassesctl status: %s", r)
	}
	if root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", d.cmd.Process.Pid)); err != nil || root != jail {
		t.Errorf("its root is %q, %v; want %q", root, err, jail)
	}
	if d.memoryStatus().BudgetBytes == 0 {
		t.Error("the machine's memory is not known in the chroot, so nothing bounds what is used")
	}
	renewed := d.ca.make(t, nil)
	renewed.place(t, d)
	d.giveFiles()
	if r := d.ctl("reload"); r.code != 0 || !d.shown().Equal(renewed.leaf) {
		t.Errorf("reload: %s", r)
	}
}
