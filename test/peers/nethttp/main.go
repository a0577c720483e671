// Nethttp is the server of Server-Sent Events that one writes in an hour with net/http: a goroutine and a channel for
// each client, a mutex around the rooms. It is the baseline that hassesd is measured against, so it is written as well as
// that design allows: an event is formatted once, a client that is -behind events behind is dropped, and what waits for a
// client goes out in one flush.
//
//	GET /sub?ch=ROOM        subscribes, on -listen
//	POST /pub?ch=ROOM       publishes the body, on -publish
//
// With -token it serves publishers as hassesd does: they need that key, the room and the message are checked, the newest
// events are kept for clients that resume, and the answer is JSON with the same fields of its head either way.
package main

import (
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hassesd/hassesd/internal/names"
)

// server is the rooms and who is in them.
type server struct {
	mu    sync.Mutex
	seq   uint64
	rooms map[string]map[chan []byte]struct{}
	kept  []kept // a ring of the newest events; nil without a token

	// Fixed.
	behind int    // how many events may wait for a client
	token  string // that publishers need; empty: anybody publishes anything
}

// kept is an event for clients that resume.
type kept struct {
	at    time.Time
	room  string
	event []byte
}

// keptMost is how many events are kept, as in hassesd by default.
const keptMost = 100_000

func main() {
	listen := flag.String("listen", "127.0.0.1:8444", "address of the subscribers, TLS")
	publish := flag.String("publish", "127.0.0.1:8081", "address of the publishers, without TLS")
	cert := flag.String("cert", "cert.pem", "certificate chain")
	key := flag.String("key", "key.pem", "its key")
	behind := flag.Int("behind", 64, "how many events may wait for a client")
	token := flag.String("token", "", "the key that publishers need")
	flag.Parse()
	s := &server{behind: *behind, token: *token, rooms: map[string]map[chan []byte]struct{}{}}
	if *token != "" {
		s.kept = make([]kept, keptMost)
	}
	ended := make(chan error, 2)
	go func() {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /sub", s.subscribe)
		quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		ended <- (&http.Server{Addr: *listen, Handler: mux, ErrorLog: quiet}).ListenAndServeTLS(*cert, *key)
	}()
	go func() {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /pub", s.publish)
		ended <- http.ListenAndServe(*publish, mux)
	}()
	fmt.Fprintln(os.Stderr, "nethttp:", <-ended)
	os.Exit(1)
}

func (s *server) subscribe(w http.ResponseWriter, r *http.Request) {
	events := make(chan []byte, s.behind)
	name := r.URL.Query().Get("ch")
	s.mu.Lock()
	room := s.rooms[name]
	if room == nil {
		room = map[chan []byte]struct{}{}
		s.rooms[name] = room
	}
	room[events] = struct{}{}
	s.mu.Unlock()
	defer s.leave(name, events)

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	flusher := http.NewResponseController(w)
	err := flusher.Flush()
	for err == nil {
		select {
		case <-r.Context().Done():
			return
		case event, ok := <-events:
			if !ok {
				return
			}
			_, err = w.Write(event)
			for n := len(events); n > 0 && err == nil; n-- {
				_, err = w.Write(<-events)
			}
			err = errors.Join(err, flusher.Flush())
		}
	}
}

func (s *server) leave(name string, events chan []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rooms[name], events)
	if len(s.rooms[name]) == 0 {
		delete(s.rooms, name)
	}
}

func (s *server) publish(w http.ResponseWriter, r *http.Request) {
	room := r.URL.Query().Get("ch")
	if s.token != "" && !s.mayPublish(w, r, room) {
		return
	}
	body, err := io.ReadAll(r.Body)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case s.token != "" && !utf8.Valid(body):
		refuse(w, http.StatusUnprocessableEntity, "invalid_message", "data is not UTF-8")
		return
	}
	data := strings.ReplaceAll(string(body), "\n", "\ndata: ")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	event := fmt.Appendf(nil, "id: %d\ndata: %s\n\n", s.seq, data)
	if s.kept != nil {
		s.kept[s.seq%keptMost] = kept{time.Now(), room, event}
		setFields(w.Header())
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "{\"id\":\"%d\",\"matched\":%d}\n", s.seq, len(s.rooms[room]))
	for events := range s.rooms[room] {
		select {
		case events <- event:
		default: // too slow: the browser will come back
			delete(s.rooms[room], events)
			close(events)
		}
	}
}

// messageBytes is the longest message, as in hassesd.
const messageBytes = 64 << 10

// mayPublish checks what hassesd checks of a POST to one room, and answers one that is refused.
func (s *server) mayPublish(w http.ResponseWriter, r *http.Request, room string) bool {
	secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok || subtle.ConstantTimeCompare([]byte(secret), []byte(s.token)) != 1:
		refuse(w, http.StatusUnauthorized, "invalid_token", "the token or key is not valid here")
	case r.Header.Get("Origin") != "":
		refuse(w, http.StatusForbidden, "origin_not_allowed", "pages of this origin may not publish")
	case r.Header.Get("Content-Encoding") != "":
		refuse(w, http.StatusUnsupportedMediaType, "unsupported_media_type", "the body has a Content-Encoding")
	case names.CheckRoom(room) != nil:
		refuse(w, http.StatusUnprocessableEntity, "invalid_message", "to is not a room")
	case r.ContentLength > messageBytes:
		refuse(w, http.StatusRequestEntityTooLarge, "too_large", "the body is too long")
	default:
		r.Body = http.MaxBytesReader(w, r.Body, messageBytes)
		return true
	}
	return false
}

// setFields sets what hassesd states in the head of each answer.
func setFields(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Server", "nethttp")
	h.Set("Vary", "Origin")
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, "{\"error\":{\"code\":%q,\"message\":%q}}\n", code, message)
}
