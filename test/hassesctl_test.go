package test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ctl runs hassesctl against the daemon.
func (d *daemon) ctl(args ...string) result {
	d.t.Helper()
	return command(d.t, "", hassesctl, append([]string{"--socket", d.socket}, args...)...)
}

func TestHassesctl(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := d.subscribe("subscribe=room624-room7&id=ann")
	for _, tt := range []struct {
		args   []string
		code   int
		stdout []string // parts of it
	}{
		{args: []string{"status"}, stdout: []string{"https", "1"}},
		{args: []string{"clients"}, stdout: []string{"ann", "room624", "TLS 1.3"}},
		{args: []string{"clients", "--room", "room7"}, stdout: []string{"ann"}},
		{args: []string{"rooms"}, stdout: []string{"room624", "room7"}},
		{args: []string{"count"}, stdout: []string{"1"}},
		{args: []string{"count", "room7"}, stdout: []string{"1"}},
		{args: []string{"send", "room624", "hello"}, stdout: []string{"delivered to 1 stream ", "(id "}},
		{args: []string{"send", "nowhere", "hello"}, stdout: []string{"delivered to 0 streams"}},
		{args: []string{"send", "--require-receivers", "nowhere", "hello"}, code: 5},
		{args: []string{"send", "--except", "ann", "--require-receivers", "room624", "x"}, code: 5},
		{args: []string{"send", "bad;room", "hello"}, code: 1},
		{args: []string{"kick", "nobody"}, code: 5},
		{args: []string{"loglevel", "normal"}, stdout: []string{"normal"}},
		{args: []string{"loglevel"}, stdout: []string{"normal"}},
		{args: []string{"reinit"}, stdout: []string{""}},
		{args: []string{"version"}, stdout: []string{"hassesctl "}},
		{args: []string{"completion", "bash"}, stdout: []string{"hassesctl"}},
		{args: []string{"reload"}},
		{args: []string{"nonsense"}, code: 2},
		{args: []string{"send", "room624"}, code: 2},
		{args: []string{"clients", "--sort", "colour"}, code: 2},
	} {
		r := d.ctl(tt.args...)
		if r.code != tt.code {
			t.Errorf("%q: %s; want exit code %d", tt.args, r, tt.code)
		}
		for _, want := range tt.stdout {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%q: %s; want %q in it", tt.args, r, want)
			}
		}
		if r.code != 0 && (r.stderr == "" || r.code != 5 && r.stdout != "") {
			t.Errorf("%q: %s; want the error on stderr", tt.args, r)
		}
	}
	message(t, s, "hello")
	if r := command(t, "from\nstdin", hassesctl, "send", "room7", "-", "--socket", d.socket); r.code != 0 {
		t.Errorf("send -: %s", r)
	}
	message(t, s, "from\nstdin")
	if r := d.ctl("kick", "ann"); r.code != 0 {
		t.Errorf("kick ann: %s", r)
	}
	if _, err := s.Rest(); err != nil {
		t.Errorf("after the kick: %v", err)
	}
}

func TestHassesctlJSON(t *testing.T) {
	t.Parallel()
	d := start(t)
	d.subscribe("subscribe=room624&id=ann")
	for _, args := range [][]string{
		{"status"},
		{"clients"},
		{"rooms"},
		{"count"},
		{"count", "room624"},
		{"send", "room624", "hi"},
		{"loglevel"},
		{"reinit"},
		{"version"},
		{"reload"},
		{"kick", "ann"},
	} {
		r := d.ctl(append(args, "--json")...)
		var v map[string]any
		if err := json.Unmarshal([]byte(r.stdout), &v); r.code != 0 || err != nil {
			t.Errorf("%q --json: %s (%v)", args, r, err)
		}
	}
}

func TestHassesctlWithoutDaemon(t *testing.T) {
	t.Parallel()
	r := command(t, "", hassesctl, "--socket", t.TempDir()+"/none.sock", "status")
	if r.code != 3 || !strings.Contains(r.stderr, "is hassesd running?") {
		t.Errorf("%s; want exit code 3 and what to do", r)
	}
}

func TestHassesctlShowsNoControlCharacters(t *testing.T) {
	t.Parallel()
	d := start(t)
	r := d.request("subscribe=a")
	r.Header = []string{"User-Agent: evil\u009b2Jagent\xff"} // a control sequence of one character
	d.open(r)
	for _, format := range []string{"--json=false", "--json"} {
		if out := d.ctl("clients", format); out.code != 0 || !strings.Contains(out.stdout, "agent") || strings.ContainsAny(out.stdout, "\u009b\x1b\x07") {
			t.Errorf("clients %s: %q", format, out.stdout)
		}
	}
}

func TestHassesctlTail(t *testing.T) {
	t.Parallel()
	d := start(t)
	p := launch(t, nil, hassesctl, "--socket", d.socket, "tail", "--ca", d.caFile, "--url", "https://"+d.https+"/sse", "--json", "a-b")
	d.awaitStreams("a-b", 1)
	want := d.send("a-b", "one\ntwo")
	line, _ := p.line()
	var e struct{ ID, Event, Data string }
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.ID != want.ID || e.Data != "one\ntwo" {
		t.Fatalf("tail printed %q, want id %s (%v)", line, want.ID, err)
	}
	d.call("kick", object{"room": "a-b"}, nil)
	want = d.send("a-b", "three")
	line, _ = p.line()
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.ID != want.ID || e.Data != "three" {
		t.Fatalf("after a reconnect tail printed %q, want id %s (%v)", line, want.ID, err)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for {
		if _, ok := p.line(); !ok {
			break
		}
	}
}

// TestDevMode is the first minute: no configuration, and hassesctl finds the daemon by itself.
func TestDevMode(t *testing.T) {
	t.Parallel()
	addr := freeAddress(t)
	d := bare(t, "--dev", "--listen", "https://"+addr, "--control-tcp", "127.0.0.1:0", "--drain-window", "200ms")
	home := t.TempDir()
	t.Log("runtime directory", home)
	cmd := exec.Command(hassesd, d.args...)
	cmd.Env = environment("XDG_RUNTIME_DIR="+home, "HOME="+home)
	d.log = &logBuffer{}
	cmd.Stdout, cmd.Stderr = d.log, d.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("hassesd --dev ended with %v", err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", d.log)
		}
	})
	env := []string{"XDG_RUNTIME_DIR=" + home, "HOME=" + home}
	ctl := func(args ...string) result {
		t.Helper()
		c := exec.CommandContext(t.Context(), hassesctl, args...)
		c.Env = environment(env...)
		out, err := c.Output()
		r := result{code: c.ProcessState.ExitCode(), stdout: string(out)}
		if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns it unwrapped
			r.stderr = string(exit.Stderr)
		}
		return r
	}
	eventually(t, "hassesctl finds the daemon", func() bool { return ctl("status").code == 0 })
	p := launch(t, env, hassesctl, "tail", "room1")
	eventually(t, "tail is subscribed", func() bool {
		return strings.Contains(ctl("count", "room1", "--json").stdout, `"streams":1`) ||
			strings.Contains(ctl("count", "room1", "--json").stdout, `"streams": 1`)
	})
	if r := ctl("send", "room1", "hello dev"); r.code != 0 {
		t.Fatalf("send: %s", r)
	}
	for {
		line, ok := p.line()
		if !ok {
			t.Fatal("tail ended early")
		}
		if strings.Contains(line, "hello dev") {
			break
		}
	}
	var status struct {
		Doors []struct{ Kind, Address string } `json:"doors"`
	}
	if err := json.Unmarshal([]byte(ctl("status", "--json").stdout), &status); err != nil {
		t.Fatal(err)
	}
	doors := map[string]string{}
	for _, door := range status.Doors {
		doors[door.Kind] = door.Address
	}
	if err := os.WriteFile(doors["fifo"], []byte("room1=through the FIFO\n"), 0); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", doors["control_tcp"]); err != nil {
		t.Error(err)
	} else {
		fmt.Fprintf(c, "room1=through the port\n")
		c.Close()
	}
	for seen := map[string]bool{}; !seen["through the FIFO"] || !seen["through the port"]; {
		line, ok := p.line()
		if !ok {
			t.Fatal("tail ended early")
		}
		seen[strings.TrimSpace(line)] = true
	}
	if doors["control_socket"] != filepath.Join(home, "hassesd", "control.sock") || doors["fifo"] != filepath.Join(home, "hassesd", "fifo") {
		t.Errorf("doors %v", doors)
	}
	if !strings.Contains(d.log.String(), "curl --insecure --no-buffer 'https://"+addr+"/sse?subscribe=room624'") {
		t.Error("the start does not tell how to subscribe")
	}
}
