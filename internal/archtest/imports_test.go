package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/hassesd/hassesd"

// listed is what go list says of one package.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func TestArrowsPointDown(t *testing.T) {
	t.Parallel()
	packages := list(t)
	if len(packages) == 0 {
		t.Fatal("go list found no package of ours")
	}
	for _, p := range packages {
		for _, r := range rules {
			if !matchesAny(p.ImportPath, ours(r.from)) {
				continue
			}
			for _, bad := range violations(p, r) {
				t.Errorf("%s must not import %s: %s%s", short(p.ImportPath), short(bad), r.why, through(packages, p, bad))
			}
		}
	}
}

// TestOnlyReadRequest proves that net/http in edge is the reader of a complete head and not a server or a client.
func TestOnlyReadRequest(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../edge/*.go")
	below, err2 := filepath.Glob("../edge/*/*.go")
	if err := errors.Join(err, err2); err != nil || len(below) == 0 {
		t.Fatalf("%d files: %v", len(below), err)
	}
	files = append(files, below...)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, use := range httpUses(t, file) {
			if !slices.Contains(allowedHTTP, use) {
				t.Errorf("%s uses http.%s: net/http only reads a bounded head that is complete in memory (allowed: %s)",
					filepath.Base(file), use, strings.Join(allowedHTTP, ", "))
			}
		}
	}
}

// TestRulesCatch proves that the rules would notice: each of these imports is a mistake.
func TestRulesCatch(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ from, imports string }{
		{"internal/names", module + "/internal/safetext"},
		{"internal/safetext", module + "/internal/names"},
		{"internal/sse", module + "/internal/names"},
		{"internal/sse", module + "/internal/hub"},
		{"internal/hub", module + "/internal/reactor"},
		{"internal/hub", "net"},
		{"internal/hub", module + "/internal/eventlog/memory"},
		{"internal/eventlog", module + "/internal/hub"},
		{"internal/eventlog", module + "/internal/eventlog/memory"},
		{"internal/eventlog/memory", module + "/internal/hub"},
		{"internal/publish", module + "/internal/hub"},
		{"internal/publish", "net"},
		{"internal/histfile", module + "/internal/hub"},
		{"internal/sse", "context"},
		{"internal/publish", module + "/internal/admin/api"},
		{"internal/auth", module + "/internal/hub"},
		{"internal/auth", "os"},
		{"internal/edge", "github.com/golang-jwt/jwt/v5"},
		{"internal/edge", module + "/internal/config"},
		{"internal/edge", module + "/internal/daemon"},
		{"internal/edge", "net/http/httputil"},
		{"internal/edge/exchange", module + "/internal/edge/site"},
		{"internal/edge/http1", module + "/internal/edge/site"},
		{"internal/edge/http1", module + "/internal/hub"},
		{"internal/edge/http1", module + "/internal/edge/transport"},
		{"internal/edge/http1", "os"},
		{"internal/edge/http2", module + "/internal/hub"},
		{"internal/edge/http2", "net"},
		{"internal/edge/http2", "golang.org/x/net/http2"},
		{"internal/edge", "golang.org/x/net/http2/hpack"},
		{"internal/edge/site", module + "/internal/edge/http1"},
		{"internal/edge/site", module + "/internal/hub"},
		{"internal/edge/transport", module + "/internal/hub"},
		{"internal/edge/transport", module + "/internal/edge/http1"},
		{"internal/edge/transport", "net/http"},
		{"internal/edge/subscriber", module + "/internal/edge/http1"},
		{"internal/edge/subscriber", module + "/internal/reactor"},
		{"internal/edge/subscriber", "net"},
		{"internal/edge/scheduler", module + "/internal/edge/subscriber"},
		{"internal/reactor", "crypto/tls"},
		{"internal/reactor", "net/http"},
		{"internal/reactor", module + "/internal/sse"},
		{"internal/tlsconn", "golang.org/x/sys/unix"},
		{"internal/tlsconn", module + "/internal/reactor"},
		{"internal/admin/server", module + "/internal/hub"},
		{"internal/admin/api", module + "/internal/admin/server"},
		{"internal/admin/classic", module + "/internal/admin/jsonrpc"},
		{"internal/admin/classic", "net"},
		{"internal/admin/access", module + "/internal/admin/jsonrpc"},
		{"internal/admin/access", module + "/internal/listen"},
		{"internal/listen", module + "/internal/names"},
		{"internal/admin/jsonrpc", module + "/internal/admin/classic"},
		{"internal/admin/jsonrpc", "os"},
		{"internal/admin/client", module + "/internal/admin/server"},
		{"internal/admin/client", module + "/internal/tlsconn"},
		{"cmd/hassesctl", module + "/internal/admin/server"},
		{"internal/admin/server", "github.com/urfave/cli/v2"},
		{"internal/daemon", "github.com/lmittmann/tint"},
		{"internal/daemon", "golang.org/x/crypto/acme/autocert"},
		{"internal/certs", "golang.org/x/crypto/acme"},
		{"internal/certs/acmecert", module + "/internal/edge"},
		{"cmd/hassesctl", module + "/internal/config"},
		{"cmd/hassesctl", module + "/internal/reactor"},
		{"internal/bench", module + "/internal/hub"},
		{"cmd/hassesd", module + "/internal/hub"},
		{"internal/config", module + "/internal/logx"},
		{"internal/systemd", module + "/internal/config"},
		{"internal/memguard", module + "/internal/hub"},
		{"internal/supervise", module + "/internal/edge"},
		{"internal/options", "os"},
		{"internal/state", module + "/internal/certs"},
		{"internal/histfile", module + "/internal/state"},
		{"internal/histfile", "os"},
		{"internal/daemon", "github.com/fxamacker/cbor/v2"},
		{"internal/privdrop", module + "/internal/sandbox"},
		{"internal/sandbox", module + "/internal/privdrop"},
		{"internal/threads", module + "/internal/config"},
		{"internal/daemon", "kernel.org/pub/linux/libs/security/libcap/psx"},
	} {
		p := listed{ImportPath: module + "/" + tt.from, Imports: []string{tt.imports}, Deps: []string{tt.imports}}
		caught := false
		for _, r := range rules {
			if matchesAny(p.ImportPath, ours(r.from)) && len(violations(p, r)) > 0 {
				caught = true
			}
		}
		if !caught {
			t.Errorf("no rule catches that %s imports %s", tt.from, tt.imports)
		}
	}
}

// violations returns what p reaches against r.
func violations(p listed, r rule) []string {
	reached := p.Deps
	if r.direct {
		reached = p.Imports
	}
	var bad []string
	for _, path := range reached {
		if !r.strict && matchesAny(path, leaves) {
			continue
		}
		if matchesAny(path, r.never) && !matchesAny(path, r.except) && !isImporter(p.ImportPath, path) {
			bad = append(bad, path)
		}
	}
	return bad
}

func isImporter(importer, path string) bool {
	for pattern, those := range importers {
		if matches(path, pattern) && slices.ContainsFunc(those, func(p string) bool { return matches(importer, module+"/"+p+"/...") }) {
			return true
		}
	}
	return false
}

// list asks the go command for the packages of this module.
func list(t *testing.T) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Imports,Deps", "./...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var packages []listed
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("read go list: %v", err)
		}
		if matches(p.ImportPath, module+"/...") {
			packages = append(packages, p)
		}
	}
}

// through names one import of p that leads to bad, for whoever has to mend it.
func through(packages []listed, p listed, bad string) string {
	if slices.Contains(p.Imports, bad) {
		return ""
	}
	for _, q := range packages {
		if slices.Contains(p.Imports, q.ImportPath) && slices.Contains(q.Deps, bad) {
			return " (it comes through " + short(q.ImportPath) + ")"
		}
	}
	return " (it comes through a library)"
}

func ours(patterns []string) []string {
	full := make([]string, len(patterns))
	for i, p := range patterns {
		full[i] = module + "/" + p
	}
	return full
}

func matchesAny(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(path, p) })
}

func matches(path, pattern string) bool {
	if rest, ok := strings.CutPrefix(pattern, "./"); ok {
		pattern = module + "/" + rest
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == base || strings.HasPrefix(path, base+"/")
	}
	return path == pattern
}

func short(path string) string { return strings.TrimPrefix(path, module+"/") }
