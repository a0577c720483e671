package bench

import (
	"crypto/tls"
	"errors"
	"time"

	"github.com/hassesd/hassesd/internal/reactor"
)

// link is one connection to the server, with or without TLS. It belongs to the loop, from when it
// was dialled to its end.
type link struct {
	reactor.Source
	l    *streamLoop // fixed
	user linkUser    // fixed
	tls  *tls.Conn   // nil without TLS
	wire *wire       // below tls
	rest []byte      // what the socket has not taken
}

// linkUser is what speaks HTTP over a link.
type linkUser interface {
	// reads reports whether it wants what has come over k.
	reads(k *link) bool
	// counted counts bytes of TCP.
	counted(n int)
	// consume takes plaintext that came at now, which is only lent.
	consume(p []byte, now int64)
	// broke takes the reason why the server ended the connection.
	broke(err error)
}

// mostRest is how much of what we send may wait for a server that does not read.
const mostRest = 1 << 20

// open has the loop watch what was dialled. What came behind the handshake is still to be read; see
// resume.
func (l *streamLoop) open(c call, user linkUser) (*link, error) {
	k := &link{l: l, user: user, tls: c.tls, wire: c.wire}
	if k.wire != nil {
		k.wire.out = k.send
	}
	if err := l.loop.Add(&k.Source, c.fd, k); err != nil {
		closeFD(c.fd)
		return nil, err
	}
	return k, nil
}

// resume reads what crypto/tls has read already: the handshake may have taken more than its own.
func (k *link) resume() {
	if k.tls != nil {
		k.decrypt(time.Now().UnixNano())
	}
}

// write sends p.
func (k *link) write(p []byte) error {
	if k.tls != nil {
		_, err := k.tls.Write(p)
		return err
	}
	_, err := k.send(p)
	return err
}

// send sends bytes of TCP, or keeps them until the socket takes them.
func (k *link) send(p []byte) (int, error) {
	n := 0
	if len(k.rest) == 0 {
		var err error
		if n, err = k.Write(p); err != nil && !errors.Is(err, reactor.ErrWouldBlock) {
			return 0, err
		}
	}
	if len(k.rest)+len(p)-n > mostRest {
		return 0, errors.New("the server does not read")
	}
	k.rest = append(k.rest, p[n:]...)
	return len(p), nil
}

// sendRest sends what the socket did not take before.
func (k *link) sendRest() error {
	for len(k.rest) > 0 {
		n, err := k.Write(k.rest)
		if errors.Is(err, reactor.ErrWouldBlock) {
			return nil
		}
		if err != nil {
			return err
		}
		k.rest = k.rest[n:]
	}
	k.rest = nil
	return nil
}

// HandleEvents implements reactor.Handler.
func (k *link) HandleEvents(ev reactor.Events) {
	if ev&reactor.Writable != 0 && len(k.rest) > 0 {
		if err := k.sendRest(); err != nil {
			k.user.broke(err)
			return
		}
	}
	if ev&(reactor.Readable|reactor.Hangup) == 0 {
		return
	}
	raw := k.l.raw
	for k.user.reads(k) {
		n, err := k.Read(raw)
		if err != nil {
			if !errors.Is(err, reactor.ErrWouldBlock) {
				k.user.broke(err)
			}
			return
		}
		k.user.counted(n)
		now := time.Now().UnixNano()
		if k.tls == nil {
			k.user.consume(raw[:n], now)
		} else {
			k.wire.in = raw[:n]
			k.decrypt(now)
		}
		switch {
		case !k.user.reads(k):
			return
		case ev&reactor.Hangup != 0: // the end is behind the bytes
		case n == len(raw):
			k.Again() // there may be more, after the others' turn
			return
		default:
			return // a short read has emptied the socket, and what comes later is another event
		}
	}
}

// decrypt reads all records that are complete.
func (k *link) decrypt(now int64) {
	for {
		n, err := k.tls.Read(k.l.plain)
		if n > 0 {
			k.user.consume(k.l.plain[:n], now)
		}
		switch {
		case !k.user.reads(k) || errors.Is(err, reactor.ErrWouldBlock):
			return
		case err != nil:
			k.user.broke(err)
			return
		}
	}
}
