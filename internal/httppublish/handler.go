package httppublish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"time"
)

// ServeHTTP answers a POST. It is for servers of net/http, which have checked the method, the path
// and the Host field. A peer whose address cannot be read counts as a process of this machine, as
// those on a Unix socket are.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := headOf(r)
	p, a := s.Begin(h)
	switch {
	case a == nil:
		body := &serverBody{from: r.Body, control: http.NewResponseController(w), stopping: s.o.Stopping}
		defer context.AfterFunc(s.o.Stopping, body.stop)()
		if a = p.Run(r.Context(), body); a == nil {
			panic(http.ErrAbortHandler) // the client is gone, or was cut off in the middle of its body
		}
	case a.WrongKey && s.o.WrongKey != nil:
		s.o.WrongKey(r)
	}
	s.allowOrigin(w.Header(), &h)
	for _, f := range a.Fields {
		w.Header().Set(f.Name, f.Value)
	}
	w.Header().Set("Content-Type", ContentType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)))
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body)
}

// headOf returns the head of a request.
func headOf(r *http.Request) Head {
	h := Head{
		Secure:          r.TLS != nil,
		Host:            r.Host,
		Query:           r.URL.RawQuery,
		Authorization:   r.Header.Get("Authorization"),
		Origin:          r.Header.Get("Origin"),
		FetchSite:       r.Header.Get("Sec-Fetch-Site"),
		ContentType:     r.Header["Content-Type"],
		ContentEncoding: r.Header["Content-Encoding"],
		IdempotencyKey:  r.Header["Idempotency-Key"],
		ContentLength:   r.ContentLength,
		ReadAhead:       4 << 10, // the buffer of net/http
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		h.Peer = peer.Addr().Unmap()
	}
	return h
}

// allowOrigin lets a page whose origin may publish read the answer.
func (s *Service) allowOrigin(to http.Header, h *Head) {
	to.Add("Vary", "Origin")
	if h.Origin != "" && checkOrigin(h, s.o.Config()) == nil {
		to.Set("Access-Control-Allow-Origin", h.Origin)
	}
}

// serverBody is the body of a request of net/http.
type serverBody struct {
	from     io.Reader
	control  *http.ResponseController
	stopping context.Context

	mu        sync.Mutex
	isStopped bool // guarded by mu: the deadline is over for good
}

// Read implements Body.
func (b *serverBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	var network net.Error
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled):
	case errors.Is(err, os.ErrDeadlineExceeded) && b.stopping.Err() != nil:
		err = ErrStopping
	case errors.As(err, &network): // the deadline, or a broken connection
	default:
		err = fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return n, err
}

// SetReadDeadline implements Body.
func (b *serverBody) SetReadDeadline(t time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.isStopped {
		return nil
	}
	return b.control.SetReadDeadline(t)
}

// stop ends the Read under way, and every later one.
func (b *serverBody) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isStopped = true
	_ = b.control.SetReadDeadline(time.Unix(1, 0))
}
