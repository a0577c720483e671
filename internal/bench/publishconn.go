package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// PublishConn is a connection that messages are published over. It carries them all, without
// waiting for answers in between, so that a server gets them in order.
type PublishConn struct {
	// Fixed after creation.
	conn    net.Conn
	write   func(w *bufio.Writer, room string, body []byte) error
	answer  func(r *bufio.Reader) error // reads one answer
	timeout time.Duration
	ended   chan struct{} // closed when no more answers come, after err is set

	// Owned by the publisher.
	w *bufio.Writer

	// Any goroutine.
	answers atomic.Uint64
	changed chan struct{} // holds one token when answers came
	err     error         // after ended
}

// maxAnswerLine is the longest answer of a control connection.
const maxAnswerLine = 4 << 10

// ErrPublish is the cause of all that goes wrong with publishing.
var ErrPublish = errors.New("publish")

// DialClassic opens hasses' line protocol at a Unix socket or a TCP address.
func DialClassic(ctx context.Context, network, address string, timeout time.Duration) (*PublishConn, error) {
	d, r, err := dialPublish(ctx, network, address, timeout)
	if err != nil {
		return nil, err
	}
	d.write = func(w *bufio.Writer, room string, body []byte) error {
		_, _ = w.WriteString(room)
		_ = w.WriteByte('=')
		_, _ = w.Write(body)
		return w.WriteByte('\n') // a Writer keeps its error
	}
	d.answer = func(r *bufio.Reader) error {
		line, err := r.ReadSlice('\n')
		if err == nil && !strings.HasPrefix(string(line), "ok") {
			err = fmt.Errorf("the daemon answers %q", line)
		}
		return err
	}
	_, _ = d.w.WriteString("ack_enable\n")
	if err := d.Flush(); err != nil {
		return nil, err
	}
	if err := d.conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return nil, d.fail(err)
	}
	if err := d.answer(r); err != nil {
		return nil, d.fail(err)
	}
	if err := d.conn.SetReadDeadline(time.Time{}); err != nil {
		return nil, d.fail(err)
	}
	go d.listen(r)
	return d, nil
}

// DialJSON opens the JSON-RPC form of the control protocol.
func DialJSON(ctx context.Context, network, address string, timeout time.Duration) (*PublishConn, error) {
	d, r, err := dialPublish(ctx, network, address, timeout)
	if err != nil {
		return nil, err
	}
	id := 0
	d.write = func(w *bufio.Writer, room string, body []byte) error {
		id++
		_, err := fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%d,"method":"send","params":{"to":%q,"data":%q}}`+"\n", id, room, body)
		return err
	}
	d.answer = func(r *bufio.Reader) error {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		var answer struct{ Error *struct{ Message string } }
		if err := json.Unmarshal(line, &answer); err != nil {
			return err
		}
		if answer.Error != nil {
			return fmt.Errorf("the daemon answers %q", answer.Error.Message)
		}
		return nil
	}
	go d.listen(r)
	return d, nil
}

// DialHTTP opens a connection for POST requests to a URL with {room} in it, whose body is the
// message. They are pipelined.
func DialHTTP(ctx context.Context, template string, headers []string, roots *x509.CertPool, timeout time.Duration) (*PublishConn, error) {
	t, err := newTarget(template, headers)
	if err != nil {
		return nil, err
	}
	d, r, err := dialPublish(ctx, "tcp", t.address, timeout)
	if err != nil {
		return nil, err
	}
	if t.secure {
		cfg := &tls.Config{ServerName: t.name, RootCAs: roots, NextProtos: []string{protoHTTP11}}
		secure := tls.Client(d.conn, cfg)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, d.fail(err)
		}
		d.conn = secure
		d.w.Reset(secure)
		r.Reset(secure)
	}
	d.write = func(w *bufio.Writer, room string, body []byte) error {
		_, err := w.Write(t.publication(room, body))
		return err
	}
	d.answer = func(r *bufio.Reader) error {
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		if err := errors.Join(err, answer.Body.Close()); err != nil {
			return err
		}
		if answer.StatusCode >= 300 {
			return fmt.Errorf("the server answers with status %d", answer.StatusCode)
		}
		return nil
	}
	go d.listen(r)
	return d, nil
}

func dialPublish(ctx context.Context, network, address string, timeout time.Duration) (*PublishConn, *bufio.Reader, error) {
	nd := net.Dialer{Timeout: timeout}
	conn, err := nd.DialContext(ctx, network, address)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPublish, err)
	}
	return &PublishConn{
		conn:    conn,
		timeout: timeout,
		w:       bufio.NewWriterSize(conn, 64<<10),
		ended:   make(chan struct{}),
		changed: make(chan struct{}, 1),
	}, bufio.NewReaderSize(conn, maxAnswerLine), nil
}

// listen counts answers until an error, or Close.
func (d *PublishConn) listen(r *bufio.Reader) {
	for {
		if err := d.answer(r); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the server closed the connection")
			}
			d.err = fmt.Errorf("%w: %w", ErrPublish, err)
			close(d.ended)
			return
		}
		d.answers.Add(1)
		select {
		case d.changed <- struct{}{}:
		default:
		}
	}
}

// send keeps a message for the next Flush.
func (d *PublishConn) send(room string, body []byte) error {
	if err := d.conn.SetWriteDeadline(time.Now().Add(d.timeout)); err != nil {
		return fmt.Errorf("%w: %w", ErrPublish, err)
	}
	if err := d.write(d.w, room, body); err != nil {
		return fmt.Errorf("%w: %w", ErrPublish, err)
	}
	return nil
}

// Flush sends the messages that were kept.
func (d *PublishConn) Flush() error {
	if err := d.conn.SetWriteDeadline(time.Now().Add(d.timeout)); err != nil {
		return fmt.Errorf("%w: %w", ErrPublish, err)
	}
	if err := d.w.Flush(); err != nil {
		return fmt.Errorf("%w: %w", ErrPublish, err)
	}
	return nil
}

// Close ends the connection.
func (d *PublishConn) Close() { d.conn.Close() }

// fail closes a connection that is not ready yet.
func (d *PublishConn) fail(err error) error {
	d.conn.Close()
	return fmt.Errorf("%w: %w", ErrPublish, err)
}
