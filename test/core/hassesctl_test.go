package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestHassesctl(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=room624-room7&id=ann")
	for _, tt := range []struct {
		args   []string
		code   int
		stdout []string // parts of it
	}{
		{args: []string{"status"}, stdout: []string{"https", "1"}},
		{args: []string{"ping"}, stdout: []string{"hassesd ", " answered in ", " ms\n"}},
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
		r := d.Ctl(tt.args...)
		if r.Code != tt.code {
			t.Errorf("%q: %s; want exit code %d", tt.args, r, tt.code)
		}
		for _, want := range tt.stdout {
			if !strings.Contains(r.Stdout, want) {
				t.Errorf("%q: %s; want %q in it", tt.args, r, want)
			}
		}
		if r.Code != 0 && (r.Stderr == "" || r.Code != 5 && r.Stdout != "") {
			t.Errorf("%q: %s; want the error on stderr", tt.args, r)
		}
	}
	harness.WantMessage(t, s, "hello")
	if r := harness.Run(t, "from\nstdin", harness.Hassesctl, "send", "room7", "-", "--socket", d.Socket); r.Code != 0 {
		t.Errorf("send -: %s", r)
	}
	harness.WantMessage(t, s, "from\nstdin")
	if r := d.Ctl("kick", "ann"); r.Code != 0 {
		t.Errorf("kick ann: %s", r)
	}
	if _, err := s.Rest(); err != nil {
		t.Errorf("after the kick: %v", err)
	}
}

func TestHassesctlJSON(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	d.Subscribe("subscribe=room624&id=ann")
	for _, args := range [][]string{
		{"status"},
		{"ping"},
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
		r := d.Ctl(append(args, "--json")...)
		var v map[string]any
		if err := json.Unmarshal([]byte(r.Stdout), &v); r.Code != 0 || err != nil {
			t.Errorf("%q --json: %s (%v)", args, r, err)
		}
	}
}

func TestHassesctlWithoutDaemon(t *testing.T) {
	t.Parallel()
	r := harness.Run(t, "", harness.Hassesctl, "--socket", t.TempDir()+"/none.sock", "status")
	if r.Code != 3 || !strings.Contains(r.Stderr, "is hassesd running?") {
		t.Errorf("%s; want exit code 3 and what to do", r)
	}
}

// TestPingOfAFrozenDaemon proves that ping does not take an open socket for an answer.
func TestPingOfAFrozenDaemon(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	d.Signal(syscall.SIGSTOP)
	r := d.Ctl("ping", "--timeout", "300ms")
	d.Signal(syscall.SIGCONT)
	if r.Code != 6 || r.Stdout != "" {
		t.Errorf("of a frozen daemon: %s; want exit code 6 and no result", r)
	}
	if r := d.Ctl("ping", "--timeout", "30s"); r.Code != 0 {
		t.Errorf("of one that goes on: %s", r)
	}
}

// TestSendManyAsTheyCome proves that a message of a pipe arrives while the pipe stays open.
func TestSendManyAsTheyCome(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("room=chat-42")
	for how, format := range map[string]string{"--lines": "%s\n", "--sse": "id: 1\ndata: %s\n\n"} {
		input, feed := io.Pipe()
		cmd := exec.Command(harness.Hassesctl, "send", "chat-42", how, "--json", "--socket", d.Socket)
		cmd.Env = harness.Environment()
		cmd.Stdin = input
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			text := fmt.Sprintf("%s %d", how, i)
			fmt.Fprintf(feed, format, text)
			harness.WantMessage(t, s, text)
		}
		feed.Close()
		if err := cmd.Wait(); err != nil || !strings.HasPrefix(out.String(), `{"published":20,`) {
			t.Errorf("%s: %v: %s%s", how, err, &out, &errs)
		}
	}
}

// TestSendOverHTTP publishes with hassesctl from where there is no control connection.
func TestSendOverHTTP(t *testing.T) {
	t.Parallel()
	d := harness.Publishing(t)
	harness.WriteFile(t, d.Path("wrong.key"), []byte("a-key-that-nobody-has-given-0123456789"))
	d.Run()
	s := d.Subscribe("room=chat-42")
	send := func(stdin, key string, args ...string) harness.Result {
		t.Helper()
		args = append([]string{"send", "chat-42", "--socket", d.Path("nowhere"), "--url", "https://" + d.HTTPS + "/sse", "--ca", d.CaFile, "--token-file", d.Path(key)}, args...)
		return harness.Run(t, stdin, harness.Hassesctl, args...)
	}
	if r := send("", "shop.key", "hello; <&>"); r.Code != 0 || !strings.HasPrefix(r.Stdout, "delivered to 1 stream (id ") {
		t.Errorf("one message: %s", r)
	}
	harness.WantMessage(t, s, "hello; <&>")
	for range 2 {
		if r := send("", "shop.key", "once", "--key", "order-7"); r.Code != 0 {
			t.Errorf("with a key: %s", r)
		}
	}
	var lines strings.Builder
	for i := range 250 {
		fmt.Fprintf(&lines, "line %d\n", i)
	}
	if r := send(lines.String(), "shop.key", "--lines", "--json"); r.Code != 0 || !strings.HasPrefix(r.Stdout, `{"published":250,`) {
		t.Errorf("many messages: %s", r)
	}
	harness.WantMessage(t, s, "once")
	for i := range 250 {
		harness.WantMessage(t, s, fmt.Sprintf("line %d", i))
	}
	if r := send("data: a\n\nevent: error\ndata: b\n\n", "shop.key", "--sse"); r.Code != 1 || !strings.Contains(r.Stderr, "message 2 of standard input: ") || !strings.HasPrefix(r.Stdout, "published 1 message ") {
		t.Errorf("an event that is refused: %s", r)
	}
	for key, want := range map[string]int{"reader.key": 4, "wrong.key": 4, "nowhere": 2} {
		if r := send("", key, "x"); r.Code != want || r.Stdout != "" || r.Stderr == "" {
			t.Errorf("with the key %s: %s; want exit code %d", key, r, want)
		}
	}
	off := harness.Start(t)
	if r := harness.Run(t, "", harness.Hassesctl, "send", "a", "x", "--url", "https://"+off.HTTPS+"/sse", "--ca", off.CaFile); r.Code != 1 || !strings.Contains(r.Stderr, "publish.http = true") {
		t.Errorf("where POST is off: %s", r)
	}
}

func TestHassesctlShowsNoControlCharacters(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	r := d.Request("subscribe=a")
	r.Header = []string{"User-Agent: evil\u009b2Jagent\xff"} // a control sequence of one character
	d.Open(r)
	for _, format := range []string{"--json=false", "--json"} {
		if out := d.Ctl("clients", format); out.Code != 0 || !strings.Contains(out.Stdout, "agent") || strings.ContainsAny(out.Stdout, "\u009b\x1b\x07") {
			t.Errorf("clients %s: %q", format, out.Stdout)
		}
	}
}

func TestHassesctlTail(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	p := harness.Launch(t, nil, harness.Hassesctl, "--socket", d.Socket, "tail", "--ca", d.CaFile, "--url", "https://"+d.HTTPS+"/sse", "--json", "a-b")
	d.AwaitStreams("a-b", 1)
	want := d.Send("a-b", "one\ntwo")
	line, _ := p.Line()
	var e struct{ ID, Event, Data string }
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.ID != want.ID || e.Data != "one\ntwo" {
		t.Fatalf("tail printed %q, want id %s (%v)", line, want.ID, err)
	}
	d.Call("kick", harness.Object{"room": "a-b"}, nil)
	want = d.Send("a-b", "three")
	line, _ = p.Line()
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.ID != want.ID || e.Data != "three" {
		t.Fatalf("after a reconnect tail printed %q, want id %s (%v)", line, want.ID, err)
	}
	if err := p.Cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for {
		if _, ok := p.Line(); !ok {
			break
		}
	}
}

// TestDevMode is the first minute with hassesd: no configuration, and hassesctl finds the daemon.
func TestDevMode(t *testing.T) {
	t.Parallel()
	addr := harness.FreeAddress(t)
	d := harness.Bare(t, "--dev", "--listen", "https://"+addr, "--control-tcp", "127.0.0.1:0", "--api-listen", "", "--drain-window", "200ms")
	home := t.TempDir()
	t.Log("runtime directory", home)
	cmd := exec.Command(harness.Hassesd, d.Args...)
	cmd.Env = harness.Environment("XDG_RUNTIME_DIR="+home, "HOME="+home)
	d.Log = &harness.Log{}
	cmd.Stdout, cmd.Stderr = d.Log, d.Log
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
			t.Logf("log:\n%s", d.Log)
		}
	})
	env := []string{"XDG_RUNTIME_DIR=" + home, "HOME=" + home}
	ctl := func(args ...string) harness.Result {
		t.Helper()
		c := exec.CommandContext(t.Context(), harness.Hassesctl, args...)
		c.Env = harness.Environment(env...)
		out, err := c.Output()
		r := harness.Result{Code: c.ProcessState.ExitCode(), Stdout: string(out)}
		if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns it unwrapped
			r.Stderr = string(exit.Stderr)
		}
		return r
	}
	harness.Eventually(t, "hassesctl finds the daemon", func() bool { return ctl("status").Code == 0 })
	p := harness.Launch(t, env, harness.Hassesctl, "tail", "room1")
	harness.Eventually(t, "tail is subscribed", func() bool {
		return strings.Contains(ctl("count", "room1", "--json").Stdout, `"streams":1`) ||
			strings.Contains(ctl("count", "room1", "--json").Stdout, `"streams": 1`)
	})
	if r := ctl("send", "room1", "hello dev"); r.Code != 0 {
		t.Fatalf("send: %s", r)
	}
	for {
		line, ok := p.Line()
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
	if err := json.Unmarshal([]byte(ctl("status", "--json").Stdout), &status); err != nil {
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
		line, ok := p.Line()
		if !ok {
			t.Fatal("tail ended early")
		}
		seen[strings.TrimSpace(line)] = true
	}
	if doors["control_socket"] != filepath.Join(home, "hassesd", "control.sock") || doors["fifo"] != filepath.Join(home, "hassesd", "fifo") {
		t.Errorf("doors %v", doors)
	}
	if !strings.Contains(d.Log.String(), "curl --insecure --no-buffer 'https://"+addr+"/sse?subscribe=room624'") {
		t.Error("the start does not tell how to subscribe")
	}
}
