package subscriber

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Shared is a connection of HTTP/2, on which several streams are opened. It speaks through the client of net/http. Any
// goroutine may use it.
type Shared struct {
	base   string // of URLs
	conn   net.Conn
	client *http.ClientConn
	cut    atomic.Bool
}

// OpenShared connects. It uses Addr, TLS, Wait and From of the request.
func OpenShared(ctx context.Context, r Request) (*Shared, error) {
	if r.Wait == 0 {
		r.Wait = defaultWait
	}
	ctx, cancel := context.WithTimeout(ctx, r.Wait)
	defer cancel()
	c := new(Shared)
	transport := &http.Transport{TLSClientConfig: r.TLS.Clone(), Protocols: new(http.Protocols)}
	transport.DialContext = func(ctx context.Context, network, address string) (_ net.Conn, err error) {
		dialer := &net.Dialer{}
		if r.From != "" {
			dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(r.From)}
		}
		c.conn, err = dialer.DialContext(ctx, network, address)
		return c.conn, err
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	transport.Protocols.SetHTTP2(r.TLS != nil)
	transport.Protocols.SetUnencryptedHTTP2(r.TLS == nil)
	c.base = scheme + "://" + r.Addr
	var err error
	if c.client, err = transport.NewClientConn(ctx, scheme, r.Addr); err != nil {
		return nil, fmt.Errorf("connect to %s over HTTP/2: %w", r.Addr, err)
	}
	return c, nil
}

// Open asks for a stream and reads the head of the answer. It uses Target, Method, Header, LastEventID, Wait and CutAfter
// of the request. Closing or cutting the stream resets it, and leaves the connection.
func (c *Shared) Open(ctx context.Context, r Request) (*Stream, error) {
	if r.Wait == 0 {
		r.Wait = defaultWait
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &Stream{wait: r.Wait, cancel: cancel, Shared: c}
	if err := s.askShared(ctx, r); err != nil {
		cancel()
		return nil, fmt.Errorf("subscribe to %s%.100s over HTTP/2: %w", c.base, r.Target, err)
	}
	return s, nil
}

func (s *Stream) askShared(ctx context.Context, r Request) error {
	request, err := http.NewRequestWithContext(ctx, r.Method, s.Shared.base+r.Target, nil)
	if err != nil {
		return err
	}
	for _, line := range r.Header {
		name, value, _ := strings.Cut(line, ":")
		request.Header.Set(name, strings.TrimSpace(value))
	}
	if r.LastEventID != "" {
		request.Header.Set("Last-Event-ID", r.LastEventID)
	}
	defer s.await()()
	answer, err := s.Shared.client.RoundTrip(request) //nolint:bodyclose // Close and Cut reset the stream
	if err != nil {
		return err
	}
	s.Status, s.Header, s.Body, s.TLS = answer.StatusCode, answer.Header, answer.Body, answer.TLS
	if r.CutAfter > 0 {
		s.Body = &cutReader{from: answer.Body, left: r.CutAfter}
	}
	s.Decoder = NewDecoder(s.Body, r.LastEventID)
	return nil
}

// await begins a wait, which ends the stream if it becomes too long.
func (s *Stream) await() (over func()) {
	timer := time.AfterFunc(s.wait, s.cancel)
	return func() { timer.Stop() }
}

// endedShared returns an error unless the body has ended.
func (s *Stream) endedShared() error {
	if _, err := s.Body.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the end of the stream: %w", err)
	}
	return nil
}

// Close ends the connection with all its streams.
func (c *Shared) Close() error { return c.client.Close() }

// Cut leaves the way a vanished client does. A second call does nothing.
func (c *Shared) Cut() error {
	if c.cut.Swap(true) {
		return nil
	}
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return c.conn.Close()
}

// WasCut reports whether Cut was called: what its streams read then is no fault of the server.
func (c *Shared) WasCut() bool { return c.cut.Load() }

// TakesStreams reports whether another stream can be opened.
func (c *Shared) TakesStreams() bool { return !c.WasCut() && c.client.Err() == nil }
