package compat

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// postSnippets are how to run the programs of docs/publishing.md, by language. Each becomes a
// program that prints "sent 1", or "failed" and the reason; KEY and CA are in its environment.
var postSnippets = map[string]struct {
	file           string
	command        func(t *testing.T, ca string) []string
	before, behind string
}{
	"php": {"post.php", func(t *testing.T, ca string) []string {
		return []string{harness.Tool(t, "php"), "-d", "display_errors=stderr", "-d", "openssl.cafile=" + ca}
	}, "<?php\n", `
try {
    $matched = publish('room624', 'hello "<&>" größe', getenv('KEY'))['matched'];
    echo "sent $matched\n";
} catch (Throwable $e) {
    echo 'failed ', $e->getMessage(), "\n";
}
`},
	"python": {"post.py", func(t *testing.T, _ string) []string { return []string{harness.Tool(t, "python3")} }, "", `
import os
try:
    print("sent", publish("room624", 'hello "<&>" größe', os.environ["KEY"])["matched"])
except Exception as e:
    print("failed", e)
`},
	"js": {"post.cjs", func(t *testing.T, _ string) []string { return []string{harness.Node(t)} }, "", `
publish('room624', 'hello "<&>" größe', process.env.KEY).then((r) => console.log('sent', r.matched), (err) => console.log('failed', err.message));
`},
	"go": {"main.go", func(t *testing.T, _ string) []string { return []string{harness.Tool(t, "go"), "run"} }, `package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)
`, `
func main() {
	matched, err := publish(context.Background(), "room624", "hello \"<&>\" größe", os.Getenv("KEY"))
	if err != nil {
		fmt.Println("failed", err)
		return
	}
	fmt.Println("sent", matched)
}
`},
}

// TestPostSnippets runs the programs of docs/publishing.md against a daemon, and against servers that
// respond wrongly or not at all: each program must report that, and none may wait forever.
func TestPostSnippets(t *testing.T) {
	t.Parallel()
	page := harness.ReadFile(t, "../../docs/publishing.md")
	_, snippets, _ := strings.Cut(string(page), "\n## From a program\n")
	found := controlSnippet.FindAllStringSubmatch(snippets, -1)
	if len(found) != len(postSnippets) {
		t.Fatalf("the page has %d programs, want %d", len(found), len(postSnippets))
	}
	const key = harness.PublishKey
	d := harness.Publishing(t)
	d.Run()
	s := d.Subscribe("subscribe=room624")
	for _, m := range found {
		language, text := m[1], m[2]
		run := func(t *testing.T, url, key string) string {
			t.Helper()
			return runPostSnippet(t, language, text, url, key, d.CaFile)
		}
		if got := run(t, "https://"+d.HTTPS+"/sse", key); got != "sent 1" {
			t.Errorf("%s beside a daemon: %q", language, got)
		}
		harness.WantMessage(t, s, `hello "<&>" größe`)
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			d := d.In(t)
			if got := run(t, "https://"+d.HTTPS+"/sse", "another-key-0123456789"); !strings.HasPrefix(got, "failed ") || strings.Contains(got, "status") {
				t.Errorf("with a wrong key: %q", got)
			}
			for name, answer := range map[string]http.HandlerFunc{
				"closes":       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
				"says nothing": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
				"is another":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
				"refuses": func(w http.ResponseWriter, _ *http.Request) {
					w.WriteHeader(http.StatusServiceUnavailable)
					_, _ = w.Write([]byte(`{"error":{"code":"overloaded","message":"busy"}}`))
				},
				"breaks off": func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Length", "100")
					_, _ = w.Write([]byte(`{"id":"`))
				},
			} {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.ReadAll(r.Body)
					answer(w, r)
				}))
				t.Cleanup(server.Close)
				if got := run(t, server.URL+"/sse", key); !strings.HasPrefix(got, "failed ") || name == "refuses" && !strings.Contains(got, "busy") {
					t.Errorf("a server that %s: %q", name, got)
				}
			}
		})
	}
}

// runPostSnippet returns the last line that the program prints.
func runPostSnippet(t *testing.T, language, text, url, key, ca string) string {
	t.Helper()
	l := postSnippets[language]
	replaced := strings.ReplaceAll(text, "https://push.example.org/sse", url)
	if replaced == text {
		t.Fatal("the program names no URL")
	}
	file := filepath.Join(t.TempDir(), l.file)
	harness.WriteFile(t, file, []byte(l.before+replaced+l.behind))
	line := append(l.command(t, ca), file)
	p := harness.Launch(t, []string{"KEY=" + key, "SSL_CERT_FILE=" + ca, "NODE_EXTRA_CA_CERTS=" + ca}, line[0], line[1:]...)
	last := ""
	for text := range p.Lines {
		last = text
	}
	return last
}
