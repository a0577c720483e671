package threats

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

const (
	goodKey  = "6a5f0d2e8c9b47136a5f0d2e8c9b4713"
	wrongKey = "00000000000000000000000000000000"
)

// keyed writes a configuration file with the lines of [control] and a key for administrators, and returns the flags for it
// and the key's file.
func keyed(t *testing.T, control string) (flags []string, keyFile string) {
	t.Helper()
	dir := t.TempDir()
	keyFile = filepath.Join(dir, "ops.key")
	config := filepath.Join(dir, "hassesd.toml")
	text := "[control]\n" + control + "\n[[control.key]]\nid = \"ops\"\nrole = \"admin\"\nfile = \"" + keyFile + "\"\n"
	for path, content := range map[string]string{keyFile: goodKey + "\n", config: text} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"--config", config}, keyFile
}

// TestT11PortAsksForAKey: over TCP nobody publishes without permission and nobody administers
// without a key.
func TestT11PortAsksForAKey(t *testing.T) {
	t.Parallel()
	flags, keyFile := keyed(t, `tcp_role = "none"`)
	d := harness.Start(t, flags...)
	good := attackedGoodStreams(d)

	c := d.Classic("tcp")
	for _, line := range []string{"crowd=forged", "*=forged", "status", "tcpclientlist", "loglevel_quiet", "ack_enable", "kick"} {
		if got := c.Ask(line); !strings.HasPrefix(got, "error ") {
			t.Errorf("%s without a key: %q", line, got)
		}
	}
	ctl := func(args ...string) harness.Result {
		return harness.Run(t, "", harness.Hassesctl, append([]string{"--tcp", d.TCP}, args...)...)
	}
	if r := ctl("status"); r.Code != 4 || !strings.Contains(r.Stderr, "--auth-key-file") {
		t.Errorf("status without a key: %s", r)
	}
	if r := ctl("--auth-key-file", keyFile, "kick", "nobody"); r.Code != 5 {
		t.Errorf("kick with a key: %s", r)
	}
	// The guesser: three tries a connection, and every one is answered, counted and logged.
	for range 4 {
		c := d.Classic("tcp")
		for range 3 {
			if got := c.Ask("auth " + wrongKey); !strings.HasPrefix(got, "error no key") {
				t.Errorf("a wrong key: %q", got)
			}
		}
		if rest, err := io.ReadAll(c.In); err != nil || len(rest) > 0 {
			t.Errorf("after three wrong keys: %q, %v; want the end", rest, err)
		}
	}
	if n := d.Status().Refused["control_wrong_key"]; n != 12 {
		t.Errorf("%d wrong keys are counted, want 12", n)
	}
	if n := d.Status().Refused["control_not_allowed"]; n < 7 {
		t.Errorf("%d refusals by role are counted, want 7 and more", n)
	}
	if !d.Log.WaitFor("reason=wrong_key") || d.Log.Contains(wrongKey) || d.Log.Contains(goodKey) {
		t.Error("the log does not tell of wrong keys, or tells the keys")
	}

	// A key that is replaced counts after a reload, without a restart; the one before counts nowhere any more.
	holder := d.Classic("tcp")
	if got := holder.Ask("auth " + goodKey); got != "ok admin" {
		t.Errorf("the right key: %q", got)
	}
	if err := os.WriteFile(keyFile, []byte(wrongKey), 0o600); err != nil {
		t.Fatal(err)
	}
	var reloaded struct{ Changed []string }
	d.Call("reload", nil, &reloaded)
	if strings.Join(reloaded.Changed, " ") != "control.key" {
		t.Errorf("reload changed %q", reloaded.Changed)
	}
	if r := ctl("--auth-key-file", keyFile, "count"); r.Code != 0 {
		t.Errorf("the new key: %s", r)
	}
	if got := holder.Ask("numberofclients"); !strings.HasPrefix(got, "error ") {
		t.Errorf("the old key on an open connection: %q", got)
	}
	good.survived()
}

// TestT11ConfigurationsThatOpenTheDoor: each is refused before anything listens.
func TestT11ConfigurationsThatOpenTheDoor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := func(path string) string {
		return "[[control.key]]\nid = \"a\"\nrole = \"admin\"\nfile = \"" + path + "\"\n"
	}
	for name, tc := range map[string]struct{ config, want string }{
		"beyond loopback":            {"[control]\ntcp = \"0.0.0.0:9085\"\n", "is not on loopback"},
		"beyond loopback with a key": {"[control]\ntcp = \"192.0.2.1:9085\"\n" + key(file("good", goodKey, 0o600)), "is not on loopback"},
		"administrators for all":     {"[control]\ntcp_role = \"admin\"\n", "is not one of none, read, publish"},
		"a key for all to read":      {key(file("open", goodKey, 0o644)), "can be read by every user"},
		"a short key":                {key(file("short", "secret", 0o600)), "at least 16"},
		"an empty key":               {key(file("empty", "", 0o600)), "at least 16"},
		"a socket for all":           {"[control]\nunix_mode = \"0666\"\n", "every user of this machine"},
	} {
		path := file("conf", tc.config, 0o600)
		r := harness.Run(t, "", harness.Hassesd, "--dev", "--config", path, "--control-socket", filepath.Join(dir, "s"), "--api-listen", "")
		if r.Code != 2 || !strings.Contains(r.Stderr, tc.want) {
			t.Errorf("%s: want exit code 2 and %q, got %s", name, tc.want, r)
		}
	}
}

// otherUsers gives a directory that other users of the machine get to, and calls hassesctl as one of them, at a socket
// there.
func otherUsers(t *testing.T) (dir string, as func(socket string, uid uint32, gids []uint32, args ...string) harness.Result) {
	t.Helper()
	dir = t.TempDir()
	for _, path := range []string{dir, filepath.Dir(dir)} { // others must get to the socket at all
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ctl := filepath.Join(dir, "hassesctl")
	program := harness.ReadFile(t, harness.Hassesctl)
	if err := os.WriteFile(ctl, program, 0o755); err != nil {
		t.Fatal(err)
	}
	as = func(socket string, uid uint32, gids []uint32, args ...string) harness.Result {
		t.Helper()
		var out, errs bytes.Buffer
		cmd := exec.CommandContext(t.Context(), ctl, append([]string{"--socket", socket}, args...)...)
		cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.Env = &out, &errs, "/", harness.Environment()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gids[0], Groups: gids}}
		if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return harness.Result{Code: cmd.ProcessState.ExitCode(), Stdout: out.String(), Stderr: errs.String()}
	}
	return dir, as
}

// TestT12UsersOfTheSocket: other users of the machine get as far as the lists say.
func TestT12UsersOfTheSocket(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	dir, as := otherUsers(t)
	socket := filepath.Join(dir, "control.sock")
	const group = 54321
	d := harness.Prepare(t, "--control-socket", socket, "--control-unix-group", "54321",
		"--control-unix-admins", "user:54001", "--control-unix-publishers", "user:54002", "--control-unix-readers", "group:54322")
	d.Socket = socket
	d.Run()
	d.Subscribe("subscribe=a")
	good := attackedGoodStreams(d)
	for _, tc := range []struct {
		name                string
		uid                 uint32
		gids                []uint32
		count, send, reload int // exit codes
	}{
		{"root", 0, []uint32{0}, 0, 0, 0},
		{"administrator", 54001, []uint32{group}, 0, 0, 0},
		{"publisher", 54002, []uint32{group}, 0, 0, 4},
		{"reader by its group", 54003, []uint32{54322, group}, 0, 4, 4},
		{"in no list", 54004, []uint32{group}, 4, 4, 4},
		{"not in the socket's group", 54001, []uint32{54001}, 4, 4, 4},
	} {
		for _, call := range []struct {
			args []string
			want int
		}{{[]string{"count"}, tc.count}, {[]string{"send", "a", "x"}, tc.send}, {[]string{"reload"}, tc.reload}} {
			if r := as(socket, tc.uid, tc.gids, call.args...); r.Code != call.want {
				t.Errorf("%s: %s: want exit code %d, got %s", tc.name, call.args[0], call.want, r)
			}
		}
	}
	if !d.Log.WaitFor("peer_uid=54004") {
		t.Error("the log does not say who was refused")
	}
	good.survived()
}

// TestT12SocketForEverybody: where lists of users give the roles, every user may connect, and no
// reload removes the lists.
func TestT12SocketForEverybody(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	dir, as := otherUsers(t)
	socket := filepath.Join(dir, "run", "control.sock") // in a directory that the daemon makes
	config := filepath.Join(dir, "hassesd.toml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(config, []byte("[control]\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("unix_mode = \"0666\"\nunix_publishers = [\"user:54002\"]\n")
	d := harness.Prepare(t, "--config", config, "--control-socket", socket)
	d.Socket = socket
	d.Run()
	d.Subscribe("subscribe=a")
	for _, tc := range []struct {
		name string
		uid  uint32
		args []string
		want int // exit code
	}{
		{"a publisher in no group of the daemon's", 54002, []string{"send", "a", "x"}, 0},
		{"a publisher", 54002, []string{"reload"}, 4},
		{"a stranger", 54004, []string{"send", "a", "x"}, 4},
		{"a stranger", 54004, []string{"status"}, 4},
	} {
		if r := as(socket, tc.uid, []uint32{tc.uid}, tc.args...); r.Code != tc.want {
			t.Errorf("%s: %s: want exit code %d, got %s", tc.name, tc.args[0], tc.want, r)
		}
	}

	// The configuration is valid, but the socket would keep its mode until a restart.
	write("unix_mode = \"0660\"\n")
	if err := d.Try("reload", nil, nil); err == nil || !strings.Contains(err.Error(), "control.unix_admins") {
		t.Errorf("a reload that makes administrators of all: %v", err)
	}
	if r := as(socket, 54004, []uint32{54004}, "count"); r.Code != 4 {
		t.Errorf("a stranger after the reload: want exit code 4, got %s", r)
	}
}

// TestT12PlantedPaths: the daemon neither uses nor follows what another user has put where a socket
// or FIFO belongs.
func TestT12PlantedPaths(t *testing.T) {
	t.Parallel()
	harness.SkipUnlessRoot(t)
	for name, plant := range map[string]func(t *testing.T, d *harness.Daemon){
		"a link in the socket's place": func(t *testing.T, d *harness.Daemon) {
			if err := os.Symlink(d.Path("elsewhere"), d.Socket); err != nil {
				t.Fatal(err)
			}
		},
		"a link in the FIFO's place": func(t *testing.T, d *harness.Daemon) {
			if err := syscall.Mkfifo(d.Path("elsewhere"), 0o620); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(d.Path("elsewhere"), d.FIFO); err != nil {
				t.Fatal(err)
			}
		},
		"a FIFO for everybody": func(t *testing.T, d *harness.Daemon) {
			if err := syscall.Mkfifo(d.FIFO, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(d.FIFO, 0o666); err != nil {
				t.Fatal(err)
			}
		},
		"a directory for everybody": func(t *testing.T, d *harness.Daemon) {
			dir := d.Path("open")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			d.Args = append(d.Args, "--control-socket", filepath.Join(dir, "s"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := harness.Prepare(t)
			plant(t, d)
			d.Launch()
			if code := d.Wait(harness.Patience); code == 0 {
				t.Errorf("the daemon started\n%s", d.Log)
			}
		})
	}
}

// TestT13BrowsersAtTheControlPort: whatever a page can make a browser send, nothing of it is run or answered.
func TestT13BrowsersAtTheControlPort(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	good := attackedGoodStreams(d)
	listener := d.Subscribe("subscribe=*")
	attacks := []string{
		"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"GET /crowd=forged HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: evil.example\r\nContent-Type: text/plain\r\nContent-Length: 15\r\n\r\ncrowd=forged",
		"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"send\",\"params\":{\"to\":\"crowd\",\"data\":\"forged\"}}\n",
		"PUT /x HTTP/1.1\r\nHost: localhost\r\n\r\ncrowd=forged\n",
		"OPTIONS * HTTP/1.1\r\nHost: evil.example\r\nOrigin: https://evil.example\r\n\r\ncrowd=forged\n",
		"HEAD / HTTP/1.0\r\n\r\ncrowd=forged\n",
		"DELETE / HTTP/1.1\r\n\r\ncrowd=forged\n",
		"PATCH / HTTP/1.1\r\n\r\ncrowd=forged\n",
		"CONNECT crowd=forged:1 HTTP/1.1\r\n\r\ncrowd=forged\n",
		"TRACE / HTTP/1.1\r\ncrowd=forged\r\n\r\n",
		"PROPFIND / HTTP/1.1\r\ncrowd=forged\r\n\r\n",
		"POST\ncrowd=forged\n",
		"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03crowd=forged\n", // a browser with an https:// URL
	}
	doors := map[string]string{"tcp": d.TCP, "unix": d.Socket}
	sent := 0
	for network, address := range doors {
		for _, attack := range attacks {
			for _, inPieces := range []bool{false, true} {
				c, err := net.Dial(network, address)
				if err != nil {
					t.Fatal(err)
				}
				sent++
				if err := c.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
					t.Fatal(err)
				}
				pieces := []string{attack}
				if inPieces {
					pieces = []string{attack[:2], attack[2:]}
				}
				for _, p := range pieces {
					if _, err := c.Write([]byte(p)); err != nil {
						break // closed at once, which is right
					}
				}
				if answer, _ := io.ReadAll(c); len(answer) > 0 {
					t.Errorf("%q over %s is answered: %q", attack, network, answer)
				}
				c.Close()
			}
		}
	}
	d.Send("crowd-end", "the last")
	for {
		e, err := listener.Next()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(e.Data, "forged") {
			t.Fatalf("a browser has published %q", e.Data)
		}
		if e.Data == "the last" {
			break
		}
	}
	refused := d.Status().Refused
	if n := refused["control_http"] + refused["control_tls"]; n != uint64(sent) {
		t.Errorf("%d of %d are counted: %v", n, sent, refused)
	}
	good.survived()
}

// TestT34NetworksOfTheControlPort: a plain port that is open to private networks serves those and this machine, resets
// all others unread, whatever key they have, and follows a reload on open connections, too.
func TestT34NetworksOfTheControlPort(t *testing.T) {
	t.Parallel()
	host := harness.PrivateAddress(t)
	_, port := harness.SplitAddress(t, harness.FreeAddress(t))
	dir := t.TempDir()
	config := filepath.Join(dir, "hassesd.toml")
	configure := func(networks string) {
		t.Helper()
		text := "[control]\ntcp = \":" + port + "\"\ntcp_networks = [" + networks + "]\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	configure(`"` + host + `"`)
	d := harness.Prepare(t, "--config", config)
	at := slices.Index(d.Args, "--control-tcp")
	d.Args = slices.Delete(d.Args, at, at+2)
	d.TCP = net.JoinHostPort("127.0.0.1", port)
	d.Run()
	good := attackedGoodStreams(d)
	if !d.Log.WaitFor("control port is open to other machines without TLS") {
		t.Error("the log does not warn")
	}

	fromNetwork := net.JoinHostPort(host, port) // from an address of this machine, which is then the peer's
	elsewhere := *d
	elsewhere.TCP = fromNetwork
	open := elsewhere.Classic("tcp")
	for _, c := range []*harness.Classic{open, d.Classic("tcp")} {
		if got := c.Ask("ack_enable"); got != "ok" {
			t.Fatalf("ack_enable: %q", got)
		}
		if got := c.Ask("elsewhere=hello"); !strings.HasPrefix(got, "ok ") {
			t.Errorf("a message: %q", got)
		}
	}

	configure(`"192.168.255.254"`)
	d.Call("reload", nil, nil)
	if got := open.Ask("elsewhere=hello"); !strings.HasPrefix(got, "error ") {
		t.Errorf("a message on an open connection, from a network that was removed: %q", got)
	}
	const tries = 20
	for range tries {
		c, err := net.Dial("tcp", fromNetwork)
		if err != nil {
			continue // reset before connect returned
		}
		_ = c.SetDeadline(time.Now().Add(harness.Patience))
		_, unsent := io.WriteString(c, "*=forged\n") // the write may fail with the reset, and the read then does not
		if rest, err := io.ReadAll(c); len(rest) > 0 || err == nil && unsent == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("from a network that is not named: %q, %v; want a reset", rest, err)
		}
		_ = c.Close()
	}
	harness.Eventually(t, "each refusal is counted", func() bool { return d.Status().Refused["control_network_not_allowed"] == tries })
	if !d.Log.WaitFor("reason=network_not_allowed") || !d.Log.Contains("control.tcp_networks") {
		t.Error("the log does not say who was refused, and what to do")
	}
	if got := d.Classic("tcp").Ask("numberofclients"); strings.HasPrefix(got, "error ") {
		t.Errorf("from this machine: %q", got)
	}
	good.survived()

	for _, networks := range []string{"0.0.0.0/0", "203.0.113.0/24", "::/0", "2001:db8::/32", "10.0.0.0/7"} {
		r := harness.Run(t, "", harness.Hassesd, "check", "--dev", "--control-tcp", ":8085", "--control-tcp-networks", networks)
		if r.Code != 2 || !strings.Contains(r.Stderr, "control.tcp_networks") || !strings.Contains(r.Stderr, "private network") {
			t.Errorf("%s: %s", networks, r)
		}
	}
}
