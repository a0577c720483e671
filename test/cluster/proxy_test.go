package cluster

import (
	"net"
	"sync"
	"testing"
	"time"
)

// cutting is what a proxy does to its connections.
type cutting uint8

const (
	passing       cutting = iota
	silent                // bytes of both directions are held back, as when a cable is pulled
	holdsSent             // only what the one who connected sends is held back
	holdsReceived         // only what it is to receive is
	refusing
	trickles // what the one who connected is to receive comes slowly
)

// trickle is how many bytes a second that is.
const trickle = 40 << 10

// proxy carries connections to one address, and can cut them.
type proxy struct {
	listener net.Listener
	to       string

	mu      sync.Mutex
	changed *sync.Cond
	// Guarded by mu.
	state cutting
	conns map[net.Conn]struct{}
	over  bool
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, to: to, conns: make(map[net.Conn]struct{})}
	p.changed = sync.NewCond(&p.mu)
	var running sync.WaitGroup
	running.Go(func() { p.run(&running) })
	t.Cleanup(func() {
		p.mu.Lock()
		p.over = true
		p.mu.Unlock()
		listener.Close()
		p.set(refusing)
		running.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) run(running *sync.WaitGroup) {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		running.Go(func() { p.carry(in) })
	}
}

func (p *proxy) carry(in net.Conn) {
	defer in.Close()
	p.mu.Lock()
	isRefused := p.state == refusing || p.over
	p.mu.Unlock()
	if isRefused {
		return
	}
	out, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer out.Close()
	if !p.add(in, out) {
		return
	}
	defer p.remove(in, out)
	var both sync.WaitGroup
	both.Go(func() { p.copy(out, in, silent, holdsSent, refusing) })
	both.Go(func() { p.copy(in, out, silent, holdsReceived, trickles) })
	both.Wait()
}

func (p *proxy) add(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == refusing || p.over {
		return false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return true
}

func (p *proxy) remove(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// copy copies one direction, except while the proxy is in one of two states that hold it back, and slowly while it is in a
// third.
func (p *proxy) copy(to, from net.Conn, held, alsoHeld, slow cutting) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		for !p.over && (p.state == held || p.state == alsoHeld) {
			p.changed.Wait()
		}
		isSlow := p.state == slow
		p.mu.Unlock()
		if isSlow {
			pause(time.Duration(n) * time.Second / trickle)
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// set changes the state. What was held back goes out when the proxy passes again.
func (p *proxy) set(state cutting) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = state
	if state == refusing {
		for c := range p.conns {
			c.Close()
		}
	}
	p.changed.Broadcast()
}
