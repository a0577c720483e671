// Package subscriber is a scripted EventSource: it requests a stream, reads the head of the response
// and decodes the events. It can leave in every way a real one can.
package subscriber

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Request is a request for a stream and how to make it.
type Request struct {
	Addr        string      // host:port, or the path of a Unix socket
	Preamble    string      // comes before everything else, TLS included: a PROXY header
	TLS         *tls.Config // nil: plaintext
	Target      string      // path and query: /sse?subscribe=a
	Method      string      // "" is GET
	Proto       string      // "" is HTTP/1.1
	Header      []string    // additional header lines, without CRLF
	LastEventID string
	Wait        time.Duration // the longest any read or write may take; 0: 30 s
	ReadBuffer  int           // size of the receive buffer, roughly, in bytes; 0: the kernel's choice
	From        string        // local address; empty: the kernel's choice
	CutAfter    int64         // cut the connection after so many bytes of the body; 0: never
}

// Stream is one response, open as long as the server streams. It belongs to one goroutine; Close and Cut may be called by
// another.
type Stream struct {
	Status  int
	Header  http.Header
	Body    io.Reader // what follows the head, unchunked
	TLS     *tls.ConnectionState
	Decoder *Decoder

	Shared *Shared // the connection that other streams have, too; nil: HTTP/1
	cancel func()  // of a stream on it

	conn net.Conn // the TCP connection; nil if it is shared
	out  net.Conn // what is written to: TLS or conn
	in   *bufio.Reader
	wait time.Duration
}

// defaultWait is [Request.Wait] where it is 0.
const defaultWait = 30 * time.Second

// ErrCut is what a reader gets when [Request.CutAfter] is reached; [Stream.Cut] then makes it true for the peer.
var ErrCut = errors.New("subscriber: cut, as asked")

// Open connects, asks and reads the head of the answer, whatever its status.
func Open(ctx context.Context, r Request) (*Stream, error) {
	if r.Wait == 0 {
		r.Wait = defaultWait
	}
	dialer := &net.Dialer{Timeout: r.Wait, Control: readBuffer(r.ReadBuffer)}
	if r.From != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(r.From)}
	}
	network := "tcp"
	if strings.HasPrefix(r.Addr, "/") {
		network = "unix"
	}
	conn, err := dialer.DialContext(ctx, network, r.Addr)
	if err != nil {
		return nil, err
	}
	s := &Stream{conn: conn, out: conn, wait: r.Wait}
	if err := s.ask(ctx, r); err != nil {
		conn.Close()
		return nil, fmt.Errorf("subscribe to %s%.100s: %w", r.Addr, r.Target, err)
	}
	return s, nil
}

// Next returns the next event with data. It waits as long as Request.Wait.
func (s *Stream) Next() (Event, error) {
	if s.Shared != nil {
		defer s.await()()
		return s.Decoder.Next()
	}
	if err := s.conn.SetReadDeadline(time.Now().Add(s.wait)); err != nil {
		return Event{}, err
	}
	return s.Decoder.Next()
}

// Preface reads the first frame, which has no data, and returns the id it gives.
func (s *Stream) Preface() (string, error) {
	if s.Shared != nil {
		defer s.await()()
	} else if err := s.conn.SetReadDeadline(time.Now().Add(s.wait)); err != nil {
		return "", err
	}
	event, dispatched, err := s.Decoder.Frame()
	if err != nil {
		return "", fmt.Errorf("read first frame: %w", err)
	}
	if dispatched {
		return "", fmt.Errorf("the first frame is an event: %+v", event)
	}
	return s.Decoder.LastEventID(), nil
}

// Rest reads to the end. The error is nil only for a clean one: with chunks the last chunk, with TLS a close_notify.
func (s *Stream) Rest() ([]Event, error) {
	var events []Event
	for {
		e, err := s.Next()
		if errors.Is(err, io.EOF) {
			return events, s.ended()
		}
		if err != nil {
			return events, err
		}
		events = append(events, e)
	}
}

// Write sends further bytes on the connection, as a second request does.
func (s *Stream) Write(p []byte) (int, error) {
	if err := s.out.SetWriteDeadline(time.Now().Add(s.wait)); err != nil {
		return 0, err
	}
	return s.out.Write(p)
}

// Close leaves politely.
func (s *Stream) Close() error {
	if s.Shared != nil {
		s.cancel()
		return nil
	}
	return s.out.Close()
}

// Cut leaves the way a vanished client does: the peer gets a reset, and TLS no close_notify.
func (s *Stream) Cut() error {
	if s.Shared != nil {
		return s.Close()
	}
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return s.conn.Close()
}

func (s *Stream) ask(ctx context.Context, r Request) error {
	if err := s.conn.SetDeadline(time.Now().Add(r.Wait)); err != nil {
		return err
	}
	if _, err := io.WriteString(s.conn, r.Preamble); err != nil {
		return err
	}
	if r.TLS != nil {
		config := r.TLS
		if config.ServerName == "" {
			config = config.Clone()
			config.ServerName, _, _ = net.SplitHostPort(r.Addr)
		}
		secured := tls.Client(s.conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		state := secured.ConnectionState()
		s.TLS, s.out = &state, secured
	}
	if _, err := io.WriteString(s.out, head(r)); err != nil {
		return err
	}
	var from io.Reader = s.out
	if r.CutAfter > 0 {
		from = &cutReader{from: s.out, left: r.CutAfter}
	}
	s.in = bufio.NewReader(from)
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	if err := s.readHead(method, r.LastEventID); err != nil {
		return err
	}
	return s.conn.SetDeadline(time.Time{})
}

// Response reads the head of a further answer on the same connection, after the end of the one before.
func (s *Stream) Response() error {
	if err := s.conn.SetReadDeadline(time.Now().Add(s.wait)); err != nil {
		return err
	}
	return s.readHead(http.MethodGet, s.Decoder.LastEventID())
}

func (s *Stream) readHead(method, lastEventID string) error {
	answer, err := http.ReadResponse(s.in, &http.Request{Method: method}) //nolint:bodyclose // Close and Cut close the connection below it
	if err != nil {
		return fmt.Errorf("read head: %w", err)
	}
	s.Status, s.Header, s.Body = answer.StatusCode, answer.Header, answer.Body
	if len(answer.TransferEncoding) > 0 {
		s.Header.Set("Transfer-Encoding", strings.Join(answer.TransferEncoding, ", "))
	}
	s.Decoder = NewDecoder(s.Body, lastEventID)
	return nil
}

// readBuffer sets the size before the connection is made, when the window is still to be agreed on.
func readBuffer(bytes int) func(network, address string, c syscall.RawConn) error {
	if bytes == 0 {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) (err error) {
		control := c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, bytes)
		})
		return errors.Join(control, err)
	}
}

// ended returns an error unless the connection ended properly after the last byte of the stream.
func (s *Stream) ended() error {
	if s.Shared != nil {
		return s.endedShared()
	}
	if _, err := s.in.ReadByte(); err == nil {
		return errors.New("bytes after the end of the stream")
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("after the end of the stream: %w", err)
	}
	return nil
}

func head(r Request) string {
	method, proto := r.Method, r.Proto
	if method == "" {
		method = http.MethodGet
	}
	if proto == "" {
		proto = "HTTP/1.1"
	}
	host := r.Addr
	if strings.HasPrefix(host, "/") {
		host = "localhost"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\nHost: %s\r\n", method, r.Target, proto, host)
	if r.LastEventID != "" {
		fmt.Fprintf(&b, "Last-Event-ID: %s\r\n", r.LastEventID)
	}
	for _, line := range r.Header {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	return b.String()
}

// cutReader hands out so many bytes and then fails.
type cutReader struct {
	from io.Reader
	left int64
}

func (c *cutReader) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, ErrCut
	}
	n, err := c.from.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}
