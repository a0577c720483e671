package compat

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// proxy forwards connections to the daemon and can play a bad network.
type proxy struct {
	addr   string
	target string
	wg     sync.WaitGroup

	mu    sync.Mutex
	down  bool // connections are reset at once
	conns map[*net.TCPConn]struct{}
}

// newProxy forwards TCP to target unchanged.
func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), target: target, conns: make(map[*net.TCPConn]struct{})}
	p.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.carry(conn.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

// cut resets every connection, in both directions, and every new one until restore.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for conn := range p.conns {
		reset(conn)
	}
}

// restore lets connections through again.
func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

func (p *proxy) carry(client *net.TCPConn) {
	defer client.Close()
	conn, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	server := conn.(*net.TCPConn)
	defer server.Close()
	if !p.add(client, server) {
		return
	}
	var both sync.WaitGroup
	for _, way := range []struct{ to, from *net.TCPConn }{{client, server}, {server, client}} {
		both.Go(func() {
			if _, err := io.Copy(way.to, way.from); err != nil && !errors.Is(err, net.ErrClosed) {
				reset(way.to)
			}
			_ = way.to.CloseWrite()
		})
	}
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}

func (p *proxy) add(client, server *net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		reset(client)
		reset(server)
		return false
	}
	p.conns[client] = struct{}{}
	p.conns[server] = struct{}{}
	return true
}

func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	conn.Close()
}
