package edge

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// errCut is what a cutConn reads at the end of the byte stream.
var errCut = errors.New("the connection was cut")

// cutConn tells the end of its byte stream from a close_notify, which crypto/tls does not between
// two records.
type cutConn struct{ net.Conn }

func (c cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, io.EOF) {
		err = errCut
	}
	return n, err
}

const streamRequest = "GET /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\n\r\n"

// TestCloseNotifyIsAnswered lets the client close first, at different times and in different ways.
func TestCloseNotifyIsAnswered(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, sent := range []struct{ name, text string }{
			{"no request", ""},
			{"half a request", "GET /sse HTTP/1.1\r\nHo"},
			{"a stream", streamRequest},
			{"an answer", "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		} {
			for _, end := range []struct {
				name string
				at   func(c *client, conn *tls.Conn) error
			}{
				{"close_notify", func(_ *client, conn *tls.Conn) error { return conn.CloseWrite() }},
				{"close_notify and FIN", func(c *client, conn *tls.Conn) error {
					defer c.CloseWrite()
					return conn.CloseWrite()
				}},
				{"FIN alone", func(c *client, _ *tls.Conn) error {
					c.CloseWrite()
					return nil
				}},
			} {
				t.Run(tls.VersionName(version)+", "+sent.name+", "+end.name, func(t *testing.T) {
					server, config := testTLS(t)
					config.MaxVersion = version
					w := newTestServer(t, func(s *setup) { s.tls = server })
					c := w.connect()
					conn := tls.Client(cutConn{c.Conn()}, config)
					w.tlsDo(func() error {
						if _, err := io.WriteString(conn, sent.text); err != nil {
							return err
						}
						return errors.Join(conn.Handshake(), end.at(c, conn))
					})
					w.tlsDo(func() error {
						if _, err := io.Copy(io.Discard, conn); err != nil {
							t.Errorf("read to %v, want a close_notify", err)
						}
						return nil
					})
					c.Close()
					w.waitFor("the end", func() bool { return w.stats().Connections == 0 })
					w.check()
				})
			}
		}
	}
}

// TestCloseNotifyComesWithEachEndOfOurs: whoever closes first, and why.
func TestCloseNotifyComesWithEachEndOfOurs(t *testing.T) {
	server, config := testTLS(t)
	for _, tt := range []struct {
		sent   string
		reason CloseReason
	}{
		{"", RequestTimeout},
		{"GET /sse HTTP/1.1\r\nHo", RequestTimeout},
		{streamRequest, StreamAged},
		{streamRequest + "x", StreamAged},
	} {
		w := newTestServer(t, func(s *setup) { s.tls, s.edge.StreamAge = server, 5*time.Second })
		c := w.connect()
		conn := tls.Client(cutConn{c.Conn()}, config)
		w.tlsDo(func() error {
			_, err := io.WriteString(conn, tt.sent)
			return errors.Join(err, conn.Handshake())
		})
		w.waitFor("the end of the handshake", func() bool { return w.limits().Handshakes == 0 })
		w.advance(11 * time.Second)
		w.tlsDo(func() error {
			if _, err := io.Copy(io.Discard, conn); err != nil {
				t.Errorf("%q, %s: read to %v, want a close_notify", tt.sent, tt.reason, err)
			}
			return nil
		})
		c.Close()
		w.waitFor("the end", func() bool { return w.stats().Closed[tt.reason.String()] == 1 })
	}
}
