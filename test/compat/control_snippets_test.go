package compat

import (
	"bufio"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// controlSnippets are how to run the programs of docs/control-protocol.md that send a message, by
// language. Each becomes a program that prints "sent 1", or "failed" and the reason.
var controlSnippets = map[string]struct {
	file           string
	command        func(t *testing.T) []string
	before, behind string
}{
	"bash": {"send.bash", func(t *testing.T) []string { return []string{harness.Tool(t, "bash")} }, "", `
case $answer in *'"matched":1}'*) echo sent 1;; *) echo failed "$answer";; esac
`},
	"php": {"send.php", func(t *testing.T) []string { return []string{harness.Tool(t, "php"), "-d", "display_errors=stderr"} }, "<?php\n", `
try {
    $matched = hasses_send('room624', 'hello')['matched'];
    echo "sent $matched\n";
} catch (Throwable $e) {
    echo 'failed ', $e->getMessage(), "\n";
}
`},
	"python": {"send.py", func(t *testing.T) []string { return []string{harness.Tool(t, "python3")} }, "", `
try:
    print("sent", hasses_send("room624", "hello")["matched"])
except Exception as e:
    print("failed", e)
`},
	"js": {"send.cjs", func(t *testing.T) []string { return []string{harness.Node(t)} }, "", `
hassesSend('room624', 'hello').then((r) => console.log('sent', r.matched), (err) => console.log('failed', err.message));
`},
	"go": {"main.go", func(t *testing.T) []string { return []string{harness.Tool(t, "go"), "run"} }, `package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)
`, `
func main() {
	if err := hassesSend("room624", "hello"); err != nil {
		fmt.Println("failed", err)
		return
	}
	fmt.Println("sent 1")
}
`},
}

var controlSnippet = regexp.MustCompile("(?ms)^```(bash|php|python|js|go)\n(.*?)^```$")

// TestControlSnippets runs the programs of docs/control-protocol.md against a daemon, and against
// servers that respond wrongly or not at all: each program must report that, and none may wait
// forever.
func TestControlSnippets(t *testing.T) {
	t.Parallel()
	page := harness.ReadFile(t, "../../docs/control-protocol.md")
	_, snippets, _ := strings.Cut(string(page), "\n## Snippets\n")
	found := controlSnippet.FindAllStringSubmatch(snippets, -1)
	if len(found) != len(controlSnippets) {
		t.Fatalf("the page has %d programs, want %d", len(found), len(controlSnippets))
	}
	for _, m := range found {
		language, text := m[1], m[2]
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t)
			d.Subscribe("subscribe=room624")
			if got := runControlSnippet(t, language, text, d.Socket, d.TCP); got != "sent 1" {
				t.Errorf("beside a daemon: %q", got)
			}
			for name, answer := range map[string]func(net.Conn){
				"closes":            func(net.Conn) {},
				"closes in a line":  func(c net.Conn) { _, _ = c.Write([]byte(`{"jsonrpc":"2.0",`)) },
				"says nothing":      func(c net.Conn) { _, _ = c.Read(make([]byte, 1)) },
				"stops in the line": func(c net.Conn) { _, _ = c.Write([]byte(`{"jsonrpc":"2.0",`)); _, _ = c.Read(make([]byte, 1)) },
				"refuses": func(c net.Conn) {
					_, _ = c.Write([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"no"}}` + "\n"))
				},
			} {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					socket, tcp := filepath.Join(t.TempDir(), "s"), "127.0.0.1:0"
					answerOnce(t, "unix", socket, answer)
					tcp = answerOnce(t, "tcp", tcp, answer)
					if got := runControlSnippet(t, language, text, socket, tcp); !strings.HasPrefix(got, "failed ") {
						t.Errorf("printed %q, want that it failed", got)
					}
				})
			}
		})
	}
}

// runControlSnippet returns the last line that the program prints.
func runControlSnippet(t *testing.T, language, text, socket, tcp string) string {
	t.Helper()
	l := controlSnippets[language]
	host, port := harness.SplitAddress(t, tcp)
	replaced := strings.NewReplacer("/run/hassesd/control.sock", socket, "/dev/tcp/127.0.0.1/9085", "/dev/tcp/"+host+"/"+port).Replace(text)
	if replaced == text {
		t.Fatal("the program names neither the control socket nor the port 9085")
	}
	file := filepath.Join(t.TempDir(), l.file)
	harness.WriteFile(t, file, []byte(l.before+replaced+l.behind))
	line := append(l.command(t), file)
	r := harness.Run(t, "", line[0], line[1:]...)
	if r.Code != 0 {
		t.Fatal(r)
	}
	lines := strings.Split(strings.TrimSpace(r.Stdout), "\n")
	return lines[len(lines)-1]
}

// answerOnce listens until the end of the test and returns the address. From each connection it
// reads a line, then it calls answer and closes.
func answerOnce(t *testing.T, network, address string, answer func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := bufio.NewReader(c).ReadString('\n'); err == nil {
					answer(c)
				}
			}()
		}
	}()
	return l.Addr().String()
}
