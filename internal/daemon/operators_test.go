package daemon

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/config"
)

// operatorsAt returns a client of api.listen, whatever host its requests name.
func operatorsAt(t *testing.T, r *running) *http.Client {
	t.Helper()
	at := r.daemon.operators.listener.Addr()
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, at.Network(), at.String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// get returns the status and the body of a response.
func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestHealthOfARunningDaemon(t *testing.T) {
	r := start(t, "", config.Assignment{Flag: "api-listen", Value: "http://127.0.0.1:0"})
	c := operatorsAt(t, r)
	for path, checks := range map[string][]string{"/healthz": {"loops"}, "/readyz": {"loops", "listen", "drain", "certificate"}} {
		var got struct {
			Status string
			Checks map[string]string
		}
		r.waitFor(path, func() bool {
			status, body := get(t, c, "http://localhost"+path)
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			return status == http.StatusOK
		})
		if got.Status != "ok" || len(got.Checks) != len(checks) {
			t.Errorf("%s: %+v", path, got)
		}
		for _, name := range checks {
			if got.Checks[name] != "ok" {
				t.Errorf("%s: %s is %q", path, name, got.Checks[name])
			}
		}
	}
	r.daemon.drainBegun.Store(true)
	if status, body := get(t, c, "http://localhost/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "drain") {
		t.Errorf("while draining: %d %s", status, body)
	}
	if status, _ := get(t, c, "http://localhost/healthz"); status != http.StatusOK {
		t.Errorf("a draining daemon is not live: %d", status)
	}
	r.daemon.drainBegun.Store(false)
}

// The socket has the mode of the control socket, and goes with the daemon.
func TestOperatorsAtAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "api.sock")
	t.Cleanup(func() { // when the daemon has ended
		if _, err := os.Lstat(path); err == nil {
			t.Error("the socket has been left behind")
		}
	})
	r := start(t, "[control]\nunix_mode = \"0600\"\n", config.Assignment{Flag: "api-listen", Value: "unix:" + path})
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	r.waitFor("an answer", func() bool {
		status, _ := get(t, operatorsAt(t, r), "http://localhost/healthz")
		return status == http.StatusOK
	})
}

// What only development mode asked for is no reason not to start; what the user named is.
func TestOperatorsPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := config.Load(config.Sources{Flags: []config.Assignment{{Flag: "dev", Value: "true"}, {Flag: "api-listen", Value: "http://" + l.Addr().String()}}})
	if err != nil {
		t.Fatal(err)
	}
	o := operators{log: slog.New(slog.DiscardHandler)}
	if err := o.open(&s, -1); err == nil || !strings.Contains(err.Error(), "--api-listen") {
		t.Errorf("%v", err)
	}
}

func TestOnlyAValidCertificateIsInForce(t *testing.T) {
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	info := func(source certs.Source, from, until time.Duration) certs.Info {
		return certs.Info{Source: source, NotBefore: now.Add(from), NotAfter: now.Add(until)}
	}
	for name, tt := range map[string]struct {
		all  []certs.Info
		want bool
	}{
		"none":          {nil, false},
		"valid":         {[]certs.Info{info(certs.SourceFile, -1, 1)}, true},
		"expired":       {[]certs.Info{info(certs.SourceFile, -2, -1)}, false},
		"not yet":       {[]certs.Info{info(certs.SourceFile, 1, 2)}, false},
		"a placeholder": {[]certs.Info{info(certs.SourceSelfSigned, -1, 1)}, false},
		"one of two":    {[]certs.Info{info(certs.SourceACME, -2, -1), info(certs.SourceACME, -1, 1)}, true},
	} {
		if got := isInForce(tt.all, now); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A guesser is slowed down wherever it shows its keys.
func TestWrongKeysOfPostsToOperatorsAreCounted(t *testing.T) {
	r := start(t, "", config.Assignment{Flag: "api-listen", Value: "http://127.0.0.1:0"})
	c := operatorsAt(t, r)
	took := time.Duration(0)
	for range 11 { // ten are free
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/sse?to=a", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer a-key-of-nobody")
		began := time.Now()
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if took = time.Since(began); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d, want 401", resp.StatusCode)
		}
	}
	if took < time.Second {
		t.Errorf("the key after ten wrong ones waited %s, want 1 s", took)
	}
}
