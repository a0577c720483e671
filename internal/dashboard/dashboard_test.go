package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	operators "github.com/hassesd/hassesd/internal/api"
)

// backend is a daemon that answers what it was told to.
type backend struct {
	asked  atomic.Pointer[api.ClientsParams]
	making atomic.Int32 // lists at this moment
	most   atomic.Int32 // of them at a time
	err    error
	pause  time.Duration // that a list takes
}

func (b *backend) begin() error {
	n := b.making.Add(1)
	for most := b.most.Load(); n > most && !b.most.CompareAndSwap(most, n); most = b.most.Load() {
	}
	<-time.After(b.pause)
	b.making.Add(-1)
	return b.err
}

func (b *backend) Clients(_ context.Context, p api.ClientsParams) (api.Clients, error) {
	b.asked.Store(&p)
	return api.Clients{Clients: []api.Client{{Conn: 1, Agent: "<script>"}}, Total: 1, NextCursor: "c"}, b.begin()
}

func (b *backend) Rooms(context.Context, api.RoomsParams) (api.Rooms, error) {
	return api.Rooms{Rooms: []api.Room{{Room: "</script><b>", Streams: 3}}, Total: 1}, b.begin()
}

func (b *backend) Certificates(context.Context) (api.Certificates, error) {
	return api.Certificates{}, b.begin()
}

func (b *backend) Limits(context.Context, api.LimitsParams) (api.Limits, error) {
	return api.Limits{}, b.begin()
}

func (b *backend) Nodes(context.Context) (api.Nodes, error) {
	return api.Nodes{Cluster: "c", Nodes: []api.Node{{Node: "<b>"}}}, b.begin()
}

// testServer is a dashboard on a listener of operators.
type testServer struct {
	*Dashboard
	backend *backend
	url     string
}

const readKey = "a-key-to-read-with-that-is-long-enough"

func serve(t *testing.T, isLocal bool) *testServer {
	t.Helper()
	b := &backend{}
	s := &testServer{backend: b, Dashboard: New(Options{
		Figures: func() operators.Figures { return operators.Figures{At: time.Now(), Version: "1.2.3", EventsSent: 7} },
		Backend: b, Events: NewEvents(), Now: time.Now, Path: "/sse",
	})}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + listener.Addr().String()
	server := operators.New(operators.Options{
		Logger: slog.New(slog.DiscardHandler), Listener: listener, IsLocal: isLocal, Connections: 100, Now: time.Now, Routes: s.Routes(),
		Health: operators.Health{Live: func() []operators.Check { return nil }, Ready: func() []operators.Check { return nil }},
		FindKey: func(secret string) (access.Key, bool) {
			return access.Key{ID: "r", Role: api.RoleRead}, secret == readKey
		},
	})
	done := make(chan error, 1)
	go func() { done <- server.Serve() }()
	t.Cleanup(func() {
		s.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if err := errors.Join(server.Shutdown(ctx), <-done); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answer is one whose body is closed when the test ends.
type answer struct {
	StatusCode int
	Header     http.Header
	Body       io.ReadCloser
}

func (s *testServer) get(t *testing.T, path, key string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return answer{resp.StatusCode, resp.Header, resp.Body}
}

func text(t *testing.T, a answer) string {
	t.Helper()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// TestThePageIsOneFileOfItsOwn checks that its policy lets the page run what it is made of, and
// nothing else, and that it names nothing outside.
func TestThePageIsOneFileOfItsOwn(t *testing.T) {
	t.Parallel()
	got := serve(t, true).get(t, "/", "")
	page, policy := text(t, got), got.Header.Get("Content-Security-Policy")
	if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%d, %s", got.StatusCode, got.Header.Get("Content-Type"))
	}
	for tag, directive := range map[string]string{"style": "style-src", "script": "script-src"} {
		parts := regexp.MustCompile(`(?s)<`+tag+`>(.*?)</`+tag+`>`).FindAllStringSubmatch(page, -1)
		if len(parts) != 1 || !strings.Contains(policy, directive+" '"+hashOf(parts[0][1])+"';") {
			t.Errorf("%d elements %s, and the policy is %s", len(parts), tag, policy)
		}
	}
	for _, never := range []string{"unsafe", "*", "http:", "https:", "data: '"} {
		if strings.Contains(policy, never) {
			t.Errorf("the policy has %s: %s", never, policy)
		}
	}
	for _, never := range []string{" style=", " onclick", " src=", "innerHTML", "insertAdjacent", "document.write", "{{", "@import", "url("} {
		if strings.Contains(page, never) {
			t.Errorf("the page has %q", never)
		}
	}
	for _, url := range regexp.MustCompile(`https?://[^"]*`).FindAllString(page, -1) {
		if url != "http://www.w3.org/2000/svg" { // a name, not a place
			t.Errorf("the page names %s", url)
		}
	}
}

// TestKeysBeyondLoopback checks that nothing but the empty page is there without a key.
func TestKeysBeyondLoopback(t *testing.T) {
	t.Parallel()
	s := serve(t, false)
	s.take()
	page := s.get(t, "/", "")
	if page.StatusCode != http.StatusUnauthorized || page.Header.Get("WWW-Authenticate") == "" || !strings.Contains(text(t, page), "key-form") {
		t.Errorf("the page: %d", page.StatusCode)
	}
	if page := s.get(t, "/", readKey); page.StatusCode != http.StatusOK {
		t.Errorf("the page with a key: %d", page.StatusCode)
	}
	for _, path := range []string{"/api/live", "/api/clients", "/api/rooms", "/api/certificates", "/api/limits", "/api/nodes"} {
		for key, want := range map[string]int{"": http.StatusUnauthorized, "wrong": http.StatusUnauthorized, readKey: http.StatusOK} {
			if got := s.get(t, path, key); got.StatusCode != want {
				t.Errorf("%s with the key %q: %d, want %d", path, key, got.StatusCode, want)
			}
		}
	}
}

// events reads an event stream.
type events struct{ r *bufio.Reader }

func (e events) next(t *testing.T, into any) (name string) {
	t.Helper()
	for {
		line, err := e.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			if err := json.Unmarshal([]byte(line[len("data: "):]), into); err != nil {
				t.Fatal(err)
			}
		case line == "":
			return name
		}
	}
}

func TestTheStreamOfFigures(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	s.take()
	log := slog.New(s.events.Handler(slog.DiscardHandler))
	log.Info("before")
	live := s.get(t, "/api/live", "")
	if kind := live.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("it is %s", kind)
	}
	stream := events{bufio.NewReader(live.Body)}
	var first struct {
		Path    string
		Samples [][]float64
		Events  []Event
	}
	if name := stream.next(t, &first); name != "start" || first.Path != "/sse" || len(first.Samples) != 1 || len(first.Samples[0]) != sampleFields || len(first.Events) != 1 {
		t.Fatalf("%s: %+v", name, first)
	}
	type moment struct {
		Number  int
		Sample  []float64
		Figures operators.Figures
		Events  []Event
	}
	for n := 1; n <= 3; n++ {
		if n > 1 {
			log.Warn("meanwhile")
			s.take()
		}
		var got moment
		if name := stream.next(t, &got); name != "now" || got.Number != n || got.Figures.Version != "1.2.3" || len(got.Events) != min(n-1, 1) {
			t.Fatalf("%s %d: %+v", name, n, got)
		}
	}
	s.Close()
	if rest := text(t, live); rest != "" {
		t.Errorf("after the end: %q", rest)
	}
}

func TestViewersAreBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	var last answer
	for range maxViewers {
		if last = s.get(t, "/api/live", ""); last.StatusCode != http.StatusOK {
			t.Fatalf("%d", last.StatusCode)
		}
	}
	if one := s.get(t, "/api/live", ""); one.StatusCode != http.StatusServiceUnavailable || one.Header.Get("Retry-After") == "" {
		t.Errorf("one more: %d", one.StatusCode)
	}
	last.Body.Close()
	for deadline := time.Now().Add(20 * time.Second); s.get(t, "/api/live", "").StatusCode != http.StatusOK; {
		if time.Now().After(deadline) {
			t.Fatal("a viewer that has gone keeps its place")
		}
	}
}

func TestLists(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	if got := text(t, s.get(t, "/api/clients?room=r&id=i&sort=queue&limit=9999", "")); !strings.Contains(got, `"next_cursor":"c"`) || strings.Contains(got, "<script>") {
		t.Errorf("clients: %s", got)
	}
	if p := *s.backend.asked.Load(); p != (api.ClientsParams{Room: "r", ID: "i", Sort: "queue", Limit: pageRows}) {
		t.Errorf("asked for %+v", p)
	}
	for path, want := range map[string]int{
		"/api/rooms?sort=name": 200, "/api/rooms?sort=size": 400, "/api/clients?sort=size": 400, "/api/certificates": 200, "/api/limits": 200,
	} {
		got := s.get(t, path, "")
		if body := text(t, got); got.StatusCode != want || !strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") || (want == 400) != strings.Contains(body, `"bad_request"`) {
			t.Errorf("%s: %d %s", path, got.StatusCode, body)
		}
	}
	s.backend.err = &api.Error{Code: api.CodeOverloaded, Message: "the loops are behind"}
	if got := s.get(t, "/api/rooms", ""); got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(text(t, got), "the loops are behind") {
		t.Errorf("overloaded: %d", got.StatusCode)
	}
}

// TestListsTakeTurns proves that however many ask, one list is made at a time, with rests between.
func TestListsTakeTurns(t *testing.T) {
	t.Parallel()
	s := serve(t, true)
	s.backend.pause = 20 * time.Millisecond
	begun := time.Now()
	done := make(chan int)
	for range 5 {
		go func() { done <- s.get(t, "/api/rooms", "").StatusCode }()
	}
	for range 5 {
		if status := <-done; status != http.StatusOK {
			t.Errorf("%d", status)
		}
	}
	if most := s.backend.most.Load(); most != 1 {
		t.Errorf("%d lists were made at a time", most)
	}
	if took, least := time.Since(begun), 5*s.backend.pause+4*listRest*s.backend.pause; took < least {
		t.Errorf("five lists took %s, want %s at least", took, least)
	}
}
