package server_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/admintest"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// peer is a scripted back end at the other end of a control connection.
type peer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

// connect opens a control connection; network is unix or tcp.
func connect(t *testing.T, network, address string) *peer {
	t.Helper()
	c, err := net.DialTimeout(network, address, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &peer{t: t, conn: c, r: bufio.NewReader(c)}
}

// onEachSocket runs a dialogue over the Unix socket and over TCP.
func onEachSocket(t *testing.T, script func(t *testing.T, b *admintest.Backend, p *peer)) {
	t.Run("unix", func(t *testing.T) {
		b := &admintest.Backend{}
		script(t, b, connect(t, "unix", admintest.Start(t, b).Socket))
	})
	t.Run("tcp", func(t *testing.T) {
		b := &admintest.Backend{}
		script(t, b, connect(t, "tcp", admintest.Start(t, b).TCP))
	})
}

func (p *peer) send(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, s); err != nil {
		p.t.Fatalf("send: %v", err)
	}
}

// want reads the lines of text, which may end with the newline of its last line or without.
func (p *peer) want(text string) {
	p.t.Helper()
	for want := range strings.Lines(text) {
		want = strings.TrimSuffix(want, "\n")
		if got := p.line(); got != want {
			p.t.Fatalf("got\n  %s\nwant\n  %s", got, want)
		}
	}
}

func (p *peer) line() string {
	p.t.Helper()
	got, err := p.r.ReadString('\n')
	if err != nil {
		p.t.Fatalf("after %q: %v", got, err)
	}
	return strings.TrimSuffix(got, "\n")
}

// wantClosed reads the end, with nothing before it.
func (p *peer) wantClosed() {
	p.t.Helper()
	rest, err := io.ReadAll(p.r)
	if errors.Is(err, unix.ECONNRESET) {
		err = nil // what we sent was not read
	}
	if err != nil || len(rest) > 0 {
		p.t.Fatalf("got %q, %v, want the end", rest, err)
	}
}

// closeWrite says that nothing more will be sent.
func (p *peer) closeWrite() {
	p.t.Helper()
	c, ok := p.conn.(interface{ CloseWrite() error })
	if !ok {
		p.t.Fatalf("a %T cannot be half closed", p.conn)
	}
	if err := c.CloseWrite(); err != nil {
		p.t.Fatal(err)
	}
}

// firstAfter lets the streams of the first message be counted only when late is closed.
func firstAfter(late <-chan struct{}) func(ctx context.Context, id string) error {
	return func(ctx context.Context, id string) error {
		if id != "e-1" {
			return nil
		}
		select {
		case <-late:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
