package api

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/certs"
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

// ask sends a request with Host and key, which may be empty, and returns status, header and body.
func (s *testServer) ask(method, path, host, key string) (int, http.Header, string) {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
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

func TestWhoMaySeeWhat(t *testing.T) {
	local := serve(t, nil)
	beyond := serve(t, func(o *Options) { o.IsLocal = false })
	for _, tt := range []struct {
		method, path, key string
		local, beyond     int
	}{
		{"GET", "/figures", "", 200, 401},
		{"HEAD", "/figures", "", 200, 401},
		{"GET", "/figures", readKey, 200, 200},
		{"GET", "/figures", adminKey, 200, 200},
		{"GET", "/figures", "a-key-of-nobody", 401, 401},
		{"GET", "/debug/", "", 401, 401},
		{"GET", "/debug/x", readKey, 403, 403},
		{"GET", "/debug/x", adminKey, 200, 200},
		{"GET", "/healthz", "", 200, 200},
		{"GET", "/readyz", "a-key-of-nobody", 200, 200},
		{"POST", "/sse", "", 200, 200}, // the route finds out itself
		{"GET", "/sse", "", 405, 405},
		{"POST", "/figures", adminKey, 405, 405},
		{"GET", "/", "", 404, 404},
		{"GET", "/figures/", "", 404, 404},
		{"GET", "/debugger", "", 404, 404},
	} {
		for server, want := range map[*testServer]int{local: tt.local, beyond: tt.beyond} {
			status, header, body := server.ask(tt.method, tt.path, "localhost", tt.key)
			if status != want {
				t.Errorf("%s %s with key %q, local %v: %d, want %d", tt.method, tt.path, tt.key, server.isLocal, status, want)
			}
			if (status == 401) != (header.Get("WWW-Authenticate") != "") {
				t.Errorf("%d with WWW-Authenticate %q", status, header.Get("WWW-Authenticate"))
			}
			if (status == 405) != (header.Get("Allow") != "") {
				t.Errorf("%d with Allow %q", status, header.Get("Allow"))
			}
			if status >= 400 && tt.method != "HEAD" {
				wantErrorBody(t, body)
			}
			for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Server": "hassesd"} {
				if got := header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		}
	}
	want := map[string]uint64{"unauthorized": 2, "forbidden": 1, "bad_request": 5}
	got := local.Refused()
	for reason, n := range want {
		if got[reason] != n {
			t.Errorf("%d refusals for %s, want %d", got[reason], reason, n)
		}
	}
	if len(got) != int(numRefusals) {
		t.Errorf("%d reasons are counted, want %d from the start", len(got), numRefusals)
	}
}

func wantErrorBody(t *testing.T, body string) {
	t.Helper()
	var e struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Error.Code == "" || e.Error.Message == "" {
		t.Errorf("the body %q is not an error: %v", body, err)
	}
}

// A page whose name resolves to 127.0.0.1 sends its own name.
func TestHostIsTheListeners(t *testing.T) {
	s := serve(t, func(o *Options) {
		o.Name = "Push.example.org"
		o.CoversHost = func(host string) bool { return host == "www.example.org" }
	})
	for host, want := range map[string]int{
		"localhost":             200,
		"LOCALHOST:9":           200,
		"localhost.":            200,
		"127.0.0.1:8444":        200,
		"127.1.2.3":             200,
		"[::1]":                 200,
		"[::1]:8444":            200,
		"push.example.org":      200,
		"push.example.org:1":    200,
		"www.example.org":       200,
		"[::ffff:127.0.0.1]":    200,
		"":                      421,
		":8444":                 421,
		"evil.example":          421,
		"evil.example:8444":     421,
		"127.0.0.1.nip.example": 421,
		"localhost.example":     421,
		"a.localhost":           421,
		"192.0.2.1":             421,
		"[2001:db8::1]":         421,
		"[::1%25lo]":            421,
		"localhost:x":           421,
	} {
		for _, path := range []string{"/figures", "/healthz"} {
			if status, _, body := s.ask("GET", path, host, ""); status != want && !(host == "[::1%25lo]" && status == 400) && !(host == "localhost:x" && status == 400) {
				t.Errorf("Host %q at %s: %d %s, want %d", host, path, status, body, want)
			}
		}
	}
	if status, _, _ := s.ask("GET", "http://evil.example/figures", "localhost", ""); status != 421 {
		t.Errorf("a foreign name in the request's target: %d", status)
	}
}

// On a listener for all addresses, the one that the client has connected to is the listener's.
func TestHostIsTheAddressConnectedTo(t *testing.T) {
	s := &Server{}
	at := net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:8444"))
	for host, want := range map[string]bool{"192.0.2.1:8444": true, "192.0.2.2": false, "127.0.0.1": true} {
		req := &http.Request{Host: host}
		if got := s.isHost(req.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, at))); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestHealthTellsStrangersTheStatusAlone(t *testing.T) {
	for _, tt := range []struct {
		isLocal bool
		key     string
		checks  int
	}{{true, "", 2}, {false, "", 0}, {false, readKey, 2}, {false, "wrong", 0}} {
		var problem atomic.Value
		problem.Store("")
		s := serve(t, func(o *Options) {
			o.IsLocal = tt.isLocal
			o.Health.Ready = func() []Check { return []Check{{Name: "loops"}, {Name: "drain", Problem: problem.Load().(string)}} }
		})
		for _, want := range []struct {
			problem, status string
			code            int
		}{{"", "ok", 200}, {"the daemon drains", "failed", 503}} {
			problem.Store(want.problem)
			code, header, body := s.ask("GET", "/readyz", "localhost", tt.key)
			var got health
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if code != want.code || got.Status != want.status || len(got.Checks) != tt.checks || header.Get("Content-Type") != "application/json" {
				t.Errorf("local %v, key %q: %d %s", tt.isLocal, tt.key, code, body)
			}
			if tt.checks > 0 && want.problem != "" && got.Checks["drain"] != want.problem {
				t.Errorf("the problem reads %q", got.Checks["drain"])
			}
		}
	}
}

func TestAPanicEndsItsConnectionAlone(t *testing.T) {
	var logged lockedText
	s := serve(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
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

func TestConnectionsAreBounded(t *testing.T) {
	const bound = 3
	s := serve(t, func(o *Options) { o.Connections = bound })
	var held []net.Conn
	for range bound {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		// A response shows that the connection was accepted and counted.
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if status, err := readStatus(c); err != nil {
			t.Fatal(status, err)
		}
		held = append(held, c)
	}
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a connection over the bound is served")
	}
	if got := s.Refused()["connections"]; got != 1 {
		t.Errorf("%d refusals", got)
	}
	held[0].Close()
	for deadline := time.Now().Add(patience); ; {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		_, err = readStatus(c)
		c.Close()
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the place of a closed connection is not given to another")
		}
	}
}

// One network beyond this machine cannot hold all places.
func TestConnectionsOfANetworkAreBounded(t *testing.T) {
	l := newBoundListener(Options{Connections: 8}, &refusals{})
	network := func(addr string) netip.Prefix {
		return networkOf(net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 1)))
	}
	for i, tt := range []struct {
		addr   string
		reason Refusal
		ok     bool
	}{
		{"192.0.2.1", 0, true},
		{"192.0.2.1", 0, true},
		{"192.0.2.1", RefusedConnectionsNetwork, false},
		{"2001:db8::1", 0, true},
		{"2001:db8::2", 0, true},
		{"2001:db8::3", RefusedConnectionsNetwork, false},
		{"2001:db8:0:1::3", 0, true},
		{"127.0.0.1", 0, true}, // this machine has no bound of its own
		{"127.0.0.1", 0, true},
		{"::1", 0, true},
		{"198.51.100.1", RefusedConnections, false},
	} {
		if reason, ok := l.enter(network(tt.addr)); reason != tt.reason || ok != tt.ok {
			t.Errorf("%d: %s: %v, %v", i, tt.addr, reason, ok)
		}
	}
	l.leave(network("192.0.2.1"))
	if _, ok := l.enter(network("192.0.2.1")); !ok {
		t.Error("the place of a closed connection is not given to another")
	}
}

// A client that sends nothing, sends half a head or reads nothing has a deadline, and bounded bytes.
func TestHeadsAreBounded(t *testing.T) {
	s := serve(t, nil)
	if s.http.ReadHeaderTimeout <= 0 || s.http.ReadTimeout <= 0 || s.http.WriteTimeout <= 0 || s.http.IdleTimeout <= 0 {
		t.Error("a deadline is missing")
	}
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	go func() {
		_, _ = io.WriteString(c, "GET /figures HTTP/1.1\r\nHost: localhost\r\nX: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
	}()
	if status, err := readStatus(c); err != nil || status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%d, %v", status, err)
	}
}

func TestErrorsOfClientsAreNoWarnings(t *testing.T) {
	var logged lockedText
	l := slog.NewLogLogger(errorLog{slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})}, slog.LevelWarn)
	l.Print("http: TLS handshake error from 192.0.2.1:1: EOF")
	l.Print("http: Accept error: too many open files; retrying in 5ms")
	want := []string{"level=DEBUG", "level=WARN"}
	lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%q", lines)
	}
	for i, line := range lines {
		if !strings.Contains(line, want[i]) {
			t.Errorf("%s, want %s", line, want[i])
		}
	}
}

func TestHandshakesShareTheSlots(t *testing.T) {
	pair, err := certs.Development(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	store, err := certs.NewStore(certs.Policy{MinVersion: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	store.SetFiles([]*certs.Pair{pair}, 0)
	entered, left := make(chan struct{}, 8), make(chan struct{}, 8)
	s := serve(t, func(o *Options) {
		o.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			shared, _ := store.Config()
			return &tls.Config{GetCertificate: shared.GetCertificate}, nil
		}}
		o.HandshakeSlot = func(context.Context) (func(), error) {
			entered <- struct{}{}
			return func() { left <- struct{}{} }, nil
		}
	})
	for i, config := range []*tls.Config{
		{InsecureSkipVerify: true},
		{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12},
		{ServerName: "localhost"}, // the client does not trust us, and leaves
	} {
		d := tls.Dialer{Config: config}
		c, err := d.DialContext(t.Context(), "tcp", s.addr)
		if (err != nil) != (i == 2) {
			t.Fatal(err)
		}
		if c != nil {
			c.Close()
		}
		for what, ch := range map[string]chan struct{}{"entered": entered, "left": left} {
			select {
			case <-ch:
			case <-time.After(patience):
				t.Fatalf("handshake %d: the slot was not %s", i, what)
			}
		}
	}
	select {
	case <-left:
		t.Error("a slot was left twice")
	default:
	}
}

func TestShutdownCutsWhoDoesNotEnd(t *testing.T) {
	s := serve(t, nil)
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprint(c, "GET /fig"); err != nil { // half a head
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_ = s.Shutdown(ctx)
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.ReadAll(c); errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}
