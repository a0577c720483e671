package edge

import (
	"iter"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/edge/subscriber"
	"github.com/hassesd/hassesd/internal/edge/transport"
)

// row is what a list of clients has a row for: a stream, or a connection that has none.
type row struct {
	c  *conn
	st *h2stream // nil: an HTTP/1 connection, or one without a stream
}

// rowsBelow returns the rows of the connection, from the last to the first: of streams over HTTP/2,
// those whose numbers are lower.
func (c *conn) rowsBelow(number uint32) iter.Seq[row] {
	return func(yield func(row) bool) {
		if c.h2 == nil || len(c.h2.mux.Streams()) == 0 {
			yield(row{c: c})
			return
		}
		for _, s := range slices.Backward(c.h2.mux.Streams()) {
			if s.ID() < number && !yield(row{c, h2streamOf(s)}) {
				return
			}
		}
	}
}

// number returns the number of an HTTP/2 stream, 0 for none.
func (r row) number() uint32 {
	if r.st == nil {
		return 0
	}
	return r.st.ID()
}

func (r row) sub() *subscriber.Subscriber {
	if r.st != nil {
		return r.st.sub
	}
	return &r.c.sub
}

// client returns the client's address; see ClientInfo.Peer.
func (r row) client() netip.AddrPort {
	if r.st != nil {
		return r.st.client()
	}
	return r.c.client()
}

func (r row) unwritten() int {
	if r.st != nil {
		return r.st.unwritten()
	}
	return r.c.unwritten()
}

func (r row) agent() string {
	if r.st != nil {
		return r.st.agent.String()
	}
	return r.c.agent.String()
}

// isGone reports whether the stream or connection of the row has ended.
func (r row) isGone() bool {
	return r.c.transport.State() == transport.Closed || r.st != nil && !r.st.IsOpen()
}

func (f ClientFilter) matches(r row) bool {
	if f.ID != "" && r.sub().ClientID() != f.ID {
		return false
	}
	if f.Room != "" && !slices.Contains(r.sub().Rooms(), f.Room) {
		return false
	}
	at := r.client()
	return f.Addr == "" || clientAddr(at).String() == f.Addr || at.Addr().String() == strings.Trim(f.Addr, "[]")
}

func (r row) info(now time.Duration) ClientInfo {
	c, sub := r.c, r.sub()
	i := ClientInfo{
		Conn:       c.id,
		Stream:     r.number(),
		HTTP:       r.http(),
		ID:         sub.ClientID(),
		Peer:       r.client(),
		State:      r.state(),
		Version:    c.version,
		Cipher:     c.cipher,
		Age:        now - c.acceptedAt,
		Rooms:      sub.Rooms(),
		All:        sub.All(),
		Sent:       sub.Sent(),
		QueueBytes: r.unwritten(),
		Dropped:    sub.Dropped(),
		Reinits:    sub.Reinits(),
		Agent:      r.agent(),
	}
	if openedAt := sub.OpenedAt(); openedAt > 0 || sub.State() != subscriber.None {
		i.StreamAge = now - openedAt
		if n, err := c.transport.Unacknowledged(); err == nil { // asked on demand: a system call for each stream
			i.KernelBytes = n
		}
	}
	return i
}

// http returns the version of HTTP, if a request has come.
func (r row) http() string {
	switch {
	case r.c.h2 != nil:
		return http20.String()
	case r.c.sub.State() == subscriber.None && !r.c.publishes:
		return ""
	case !r.c.http.IsChunked(), r.c.inWork() != nil && r.c.inWork().req.HTTP10:
		return http10.String()
	}
	return http11.String()
}

// state returns the state that lists show.
func (r row) state() string {
	switch r.c.transport.State() {
	case transport.Preamble, transport.Accepted:
		return "accepted"
	case transport.Handshaking:
		return "handshaking"
	case transport.Open:
		switch r.sub().State() {
		case subscriber.Streaming:
			return "streaming"
		case subscriber.Ending:
			return "draining"
		case subscriber.None:
		}
		if r.c.inWork() != nil || r.st != nil && r.st.post != nil {
			return "publishing"
		}
		if r.st != nil {
			return "draining" // the answer of a request that opened no stream
		}
		return "reading"
	case transport.Closing:
		return "draining"
	case transport.Closed:
	}
	return "closed"
}

// ClientInfo is a copy of the particulars of one stream, or of a connection that has none.
type ClientInfo struct {
	Conn       uint64
	Stream     uint32 // its number on an HTTP/2 connection; 0 otherwise
	HTTP       string // the version: 1.0, 1.1, 2; empty before the request
	ID         string
	Peer       netip.AddrPort // of the client, with port 0 if its proxy does not name one; not valid: over a Unix socket
	State      string
	Version    uint16 // TLS version; 0 without TLS or before the handshake is done
	Cipher     uint16
	Age        time.Duration
	StreamAge  time.Duration // 0 before the stream is open
	Rooms      []string
	All        bool
	Sent       uint64
	QueueBytes int // not written to the socket
	// KernelBytes were written and are not acknowledged by the peer.
	KernelBytes int
	Dropped     uint64 // events that limits.slow took from it
	Reinits     uint64
	Agent       string
}

// Addr returns the client's address and port as people see it.
func (i *ClientInfo) Addr() string { return clientAddr(i.Peer).String() }

// ClientFilter selects connections; empty fields select all.
type ClientFilter struct {
	Room string
	ID   string
	Addr string // an address, or address:port
}
