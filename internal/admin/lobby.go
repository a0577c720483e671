package admin

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/list"
	"github.com/hassesd/hassesd/internal/tlsconn"
)

// lobbyPatience is how long a connection may be without a role when others want its room: a handshake of a client far away
// takes two or three round trips, and somebody who pastes a key is not that fast, but then nobody else wants to get in.
const lobbyPatience = time.Second

// lobby holds the connections of one door that have no role yet, so that they take no places from those that have. An
// origin (a network, or a user of this machine) has its share of it and no more, and nobody has to leave who came a moment
// ago: a newcomer for whom there is no room is refused instead. Guarded by Server.mu.
type lobby struct {
	room     int // in all
	share    int // of one origin
	patience time.Duration
	origins  map[string]*list.List[conn] // those with connections, each in the order of their arrival
	held     int
}

// newLobby makes the lobby of a door with so many places. At the TLS door anybody in the world may knock; on plain TCP all
// addresses are those of this machine, and nobody's share says anything.
func newLobby(kind access.Endpoint, places int) *lobby {
	l := &lobby{room: places, share: places, patience: lobbyPatience, origins: make(map[string]*list.List[conn])}
	switch kind {
	case access.TLS:
		l.room = 4 * places
		l.share = max(4, l.room/8)
	case access.Unix:
		l.share = max(2, places/4)
	case access.TCP, access.FIFO:
	}
	return l
}

// arrive takes a connection in, if there is room, and returns the one that has to leave for it, nil for none.
func (l *lobby) arrive(now time.Time, c *conn) (evicted *conn, ok bool) {
	own := l.origins[c.origin]
	switch {
	case own != nil && own.Len() >= l.share:
		evicted = l.oldestOf(own)
	case l.held >= l.room:
		evicted = l.oldest(now)
	default:
		l.add(now, c)
		return nil, true
	}
	if evicted == nil || now.Sub(evicted.arrived) < l.patience {
		return nil, false
	}
	l.leave(evicted)
	l.add(now, c)
	return evicted, true
}

func (l *lobby) add(now time.Time, c *conn) {
	own := l.origins[c.origin]
	if own == nil {
		own = &list.List[conn]{}
		l.origins[c.origin] = own
	}
	c.arrived, c.inLobby = now, true
	own.Push(&c.lobbyNode, c)
	l.held++
}

// leave takes a connection out.
func (l *lobby) leave(c *conn) {
	own := l.origins[c.origin]
	own.Remove(&c.lobbyNode)
	if own.Len() == 0 {
		delete(l.origins, c.origin)
	}
	c.inLobby = false
	l.held--
}

// oldest is the connection that has to leave first when the lobby is full: of the origin with the most, if one of its own
// is old enough.
func (l *lobby) oldest(now time.Time) *conn {
	var found *conn
	most := 0
	for _, own := range l.origins {
		c := l.oldestOf(own)
		if c == nil || now.Sub(c.arrived) < l.patience || own.Len() < most {
			continue
		}
		if own.Len() > most || c.arrived.Before(found.arrived) {
			found, most = c, own.Len()
		}
	}
	return found
}

// oldestOf is the oldest of an origin that does not wait for a place already; nil: all do.
func (l *lobby) oldestOf(own *list.List[conn]) *conn {
	for c := range own.All() {
		if !c.isEntering {
			return c
		}
	}
	return nil
}

// lobbyOf is the lobby of a door. The caller holds s.mu.
func (s *Server) lobbyOf(kind access.Endpoint) *lobby {
	l := s.lobbies[kind]
	if l == nil {
		l = newLobby(kind, s.places)
		l.patience = s.lobbyPatience
		s.lobbies[kind] = l
	}
	return l
}

// receive lets a connection without a role in, or returns why not. The caller holds s.mu.
func (s *Server) receive(c *conn) (reason api.Refusal, ok bool) {
	if s.state != serverServing {
		return "", false
	}
	table := s.admission
	if c.principal.Endpoint == access.TLS && table != nil {
		verdict := table.Admit(s.since(), admission.Visit{Addr: c.address, Handshake: true})
		switch verdict {
		case admission.Admit, admission.AdmitChallenge, admission.AdmitDefer:
		case admission.RefuseConnections:
			return api.RefusedConnections, false
		case admission.RefuseRate:
			return api.RefusedRate, false
		case admission.RefusePenalty:
			return api.RefusedPenalty, false
		}
		c.isAdmitted = true
	}
	evicted, ok := s.lobbyOf(c.principal.Endpoint).arrive(time.Now(), c)
	if !ok {
		s.unadmit(c)
		return api.RefusedConnections, false
	}
	if evicted != nil {
		evicted.isEvicted = true
		s.unadmit(evicted)
		evicted.abort()
	}
	return "", true
}

// enter gives a connection that has a role now the place of its own that goes with it, and waits for one if need be.
func (s *Server) enter(c *conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.hasPlace, c.principal.Endpoint == access.FIFO:
		c.isStranger = false
		return nil
	case !c.inLobby:
		return errEvicted
	}
	c.isEntering = true
	ok := s.takePlace(c.principal.Endpoint)
	c.isEntering = false
	if !ok {
		return errNoPlace
	}
	c.hasPlace, c.isStranger = true, false
	s.leaveLobby(c)
	return nil
}

// leaveLobby takes a connection out of its lobby, if it is in there. The caller holds s.mu.
func (s *Server) leaveLobby(c *conn) {
	if c.inLobby {
		s.lobbyOf(c.principal.Endpoint).leave(c)
		s.unadmit(c)
	}
}

// unadmit undoes what the table of networks counted. The caller holds s.mu.
func (s *Server) unadmit(c *conn) {
	if c.isAdmitted {
		c.isAdmitted = false
		s.admission.Release(c.address)
	}
}

// since is the time for the table of networks.
func (s *Server) since() time.Duration { return time.Since(s.began) }

// offend tells the table of networks what has become of a handshake that failed for the reason.
func (c *conn) offend(sealed *sealedConn, reason api.Refusal, err error) {
	table := c.server.admission
	if table == nil {
		return
	}
	if offence, ok := offenceOf(sealed, reason, err, c.isEvicted); ok {
		table.RecordViolation(c.server.since(), c.address, offence)
	}
}

// offenceOf returns what a network owes for a handshake, if anything: as at the subscribers' ports, honest clients and
// monitors owe nothing, or no more than they cost.
func offenceOf(sealed *sealedConn, reason api.Refusal, err error, evicted bool) (admission.Violation, bool) {
	var failed *tlsconn.HandshakeError
	switch {
	case reason == api.RefusedStalled || evicted:
		return admission.HandshakeTimeout, true
	case errors.Is(err, errNotTLS):
		return admission.ProtocolBroken, reason != api.RefusedHTTP && !tlsconn.IsProxyHeader(sealed.wire.head)
	case !errors.As(err, &failed):
		return admission.HandshakeFailed, len(sealed.wire.head) > 0
	}
	switch failed.Blame() {
	case tlsconn.BlameMalice:
		return admission.ProtocolBroken, true
	case tlsconn.BlameCost:
		return admission.HandshakeFailed, true
	case tlsconn.BlameNothing:
	}
	return 0, false
}

// commend tells the table of networks that somebody is known: who comes often because there is much to say is not held up
// by the rate of strangers.
func (c *conn) commend() {
	if table := c.server.admission; table != nil {
		table.RecordIdentified(c.server.since(), c.address)
	}
}

// refuseHard resets a connection, which leaves nothing behind in the kernel.
func refuseHard(nc net.Conn) {
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	nc.Close()
}

// originOf is the network of a client of the TLS door, for its share of the lobby.
func originOf(a net.Addr) (origin string, address netip.Addr) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return "", netip.Addr{}
	}
	address = tcp.AddrPort().Addr().Unmap()
	return admission.NetworkOf(address).String(), address
}

var (
	// errEvicted is the end of a connection without a role whose room was given to somebody else.
	errEvicted = errors.New("it had no role, and its room was given to another connection")
	// errNoPlace is the end of one with a role for which no place became free.
	errNoPlace = errors.New("all places of the door are taken (control.connections)")
)

// logEvicted counts and logs that a connection had to leave. The caller holds s.mu.
func (s *Server) logEvicted(c *conn) {
	s.turnAway(c.log, api.RefusedConnections, slog.String("err", errEvicted.Error()))
}
