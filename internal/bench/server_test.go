package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// sseServer is a server of Server-Sent Events that does what a test wants, wrong as it may be: GET
// /sub?ch=ROOM, POST /pub?ch=ROOM.
type sseServer struct {
	*httptest.Server
	pem string

	// fault turns the n-th message of a room, counted from 1, into the bytes that a stream is sent;
	// nil: as it is.
	fault func(n int, event string) string

	mu       sync.Mutex
	rooms    map[string]*sseRoom
	refusals int // subscriptions to be answered with status 503
	prompt   int // subscriptions after which the next ones are answered with a message's delay; 0: all are at once
	asked    int // subscriptions
}

// sseRoom keeps all its events: streams are cursors into them.
type sseRoom struct {
	events []string
	grown  chan struct{} // closed when there are more
}

func startServer(t *testing.T) *sseServer {
	t.Helper()
	s := &sseServer{rooms: map[string]*sseRoom{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sub", s.subscribe)
	mux.HandleFunc("POST /pub", s.publish)
	s.Server = httptest.NewUnstartedServer(mux)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{quickCertificate()}}
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // handshakes fail on purpose
	s.EnableHTTP2 = true
	s.Config.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: serverStreams}
	s.StartTLS()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	s.pem = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	return s
}

// quickCertificate is one for 127.0.0.1 with a key whose signatures cost a tenth of those of
// httptest's own.
var quickCertificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
})

func (s *sseServer) room(name string) *sseRoom {
	r := s.rooms[name]
	if r == nil {
		r = &sseRoom{grown: make(chan struct{})}
		s.rooms[name] = r
	}
	return r
}

func (s *sseServer) publish(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	room := s.room(r.URL.Query().Get("ch"))
	n := len(room.events) + 1
	event := fmt.Sprintf("id: %d\ndata: %s\n\n", n, body)
	if s.fault != nil {
		event = s.fault(n, event)
	}
	room.events = append(room.events, event)
	close(room.grown)
	room.grown = make(chan struct{})
}

func (s *sseServer) subscribe(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	refused := s.refusals > 0
	s.refusals--
	room := s.room(r.URL.Query().Get("ch"))
	next, grown := len(room.events), room.grown
	s.asked++
	delayed := s.prompt > 0 && s.asked > s.prompt
	s.mu.Unlock()
	if delayed {
		<-grown
		next++
	}
	if refused {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		next, _ = strconv.Atoi(id)
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := w.(http.Flusher)
	flusher.Flush()
	for {
		s.mu.Lock()
		text, grown := strings.Join(room.events[next:], ""), room.grown
		next = len(room.events)
		s.mu.Unlock()
		if body, _, ended := strings.Cut(text, goodbye); ended {
			_, _ = io.WriteString(w, body)
			return
		}
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
		flusher.Flush()
		select {
		case <-grown:
		case <-r.Context().Done():
			return
		}
	}
}

// serverStreams is how many streams of a connection the server answers at a time.
const serverStreams = 8

// overHTTP2 is what makes a run use it. The last connection of 20 streams has fewer.
func overHTTP2(o *Options) { o.HTTP2, o.StreamsPerConnection = true, serverStreams }

// eachVersion runs a test over HTTP/1.1 and HTTP/2.
func eachVersion(t *testing.T, test func(t *testing.T, version func(*Options))) {
	t.Run("http1", func(t *testing.T) { test(t, func(*Options) {}) })
	t.Run("http2", func(t *testing.T) { test(t, overHTTP2) })
}

// goodbye behind an event ends the stream.
const goodbye = "(hang up)"

// options are those of a short run.
func (s *sseServer) options(scenario Scenario) Options {
	return Options{
		Scenario: scenario, URL: s.URL + "/sub?ch={room}", RootsPEM: s.pem,
		Streams: 20, Rate: 200, Duration: 300 * time.Millisecond, Timeout: 30 * time.Second,
	}
}

// measure makes a run that must come to its end.
func (s *sseServer) measure(t *testing.T, o Options, change ...func(*Parts)) *Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	return s.measureUntil(ctx, t, o, change...)
}

func (s *sseServer) measureUntil(ctx context.Context, t *testing.T, o Options, change ...func(*Parts)) *Result {
	t.Helper()
	var parts Parts
	if o.Scenario != Idle {
		door, err := DialHTTP(t.Context(), s.URL+"/pub?ch={room}", nil, s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, 30*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer door.Close()
		parts.Publish = door
	}
	for _, c := range change {
		c(&parts)
	}
	res, err := Run(ctx, o, parts)
	if err != nil {
		t.Fatal(err)
	}
	return res
}
