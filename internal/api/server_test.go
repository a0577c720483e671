package api

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen at once.
const patience = 20 * time.Second

// The keys of the tests.
const (
	readKey  = "a-key-that-may-read-figures"
	adminKey = "a-key-that-may-do-everything"
)

func findKey(t testing.TB) FindKey {
	t.Helper()
	var sources []access.KeySource
	for secret, role := range map[string]api.Role{readKey: api.RoleRead, adminKey: api.RoleAdmin} {
		sum := sha256.Sum256([]byte(secret))
		sources = append(sources, access.KeySource{ID: string(role), Role: role, SHA256: hex.EncodeToString(sum[:])})
	}
	rights, err := access.LoadRights(access.RightsOptions{Keys: sources})
	if err != nil {
		t.Fatal(err)
	}
	return rights.FindKey
}

func wellHealth() Health {
	well := func() []Check { return []Check{{Name: "loops"}} }
	return Health{Live: well, Ready: well}
}

// testServer is a server at a loopback port, and what it is asked with.
type testServer struct {
	*Server
	t    *testing.T
	addr string
}

// serve starts a server; change may change its options.
func serve(t *testing.T, change func(*Options)) *testServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Logger: slog.New(slog.DiscardHandler), Listener: l, IsLocal: true, Connections: 16, FindKey: findKey(t), Now: time.Now, Health: wellHealth(),
		Routes: []Route{
			{Path: "/figures", Handler: text("figures")},
			{Path: "/debug/", Below: true, Access: Admins, Handler: text("debug")},
			{Path: "/sse", Methods: []string{http.MethodPost}, Access: Own, Handler: text("published")},
			{Path: "/panic", Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") })},
		},
	}
	if change != nil {
		change(&o)
	}
	s := &testServer{New(o), t, l.Addr().String()}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return s
}

// lockedText is text that several goroutines write and read.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
}

// dial connects to the server, for at most patience.
func (s *testServer) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// ask sends a request with Host and key, which may be empty, and returns status, header and body.
func (s *testServer) ask(method, path, host, key string) (int, http.Header, string) {
	s.t.Helper()
	c := s.dial()
	defer c.Close()
	head := method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n"
	if key != "" {
		head += "Authorization: Bearer " + key + "\r\n"
	}
	if _, err := io.WriteString(c, head+"\r\n"); err != nil {
		s.t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.StatusCode, r.Header, string(body)
}

// readStatus reads a response and returns its status.
func readStatus(c net.Conn) (int, error) {
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	return r.StatusCode, r.Body.Close()
}

func TestAPanicEndsItsConnectionAlone(t *testing.T) {
	var logged lockedText
	s := serve(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	c := s.dial()
	if _, err := io.WriteString(c, "GET /panic HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the end of the connection", err)
	}
	if status, _, _ := s.ask("GET", "/figures", "localhost", ""); status != 200 {
		t.Errorf("%d afterwards", status)
	}
	if got := logged.String(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "oops") {
		t.Errorf("logged: %s", got)
	}
}

// A client that sends nothing, sends half a head or reads nothing has a deadline, and bounded bytes.
func TestHeadsAreBounded(t *testing.T) {
	s := serve(t, nil)
	if s.http.ReadHeaderTimeout <= 0 || s.http.ReadTimeout <= 0 || s.http.WriteTimeout <= 0 || s.http.IdleTimeout <= 0 {
		t.Error("a deadline is missing")
	}
	c := s.dial()
	go func() {
		_, _ = io.WriteString(c, "GET /figures HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
	}()
	if status, err := readStatus(c); err != nil || status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d, %v", status, err)
	}
}

func TestShutdownCutsWhoDoesNotEnd(t *testing.T) {
	s := serve(t, nil)
	c := s.dial()
	if _, err := fmt.Fprint(c, "GET /fig"); err != nil { // half a head
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_ = s.Shutdown(ctx)
	if _, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is still open: %v", err)
	}
}
