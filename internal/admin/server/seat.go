package server

import (
	"net/netip"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/list"
)

// occupant is the connection that a seat is for.
type occupant interface {
	run()   // serves the connection until its end
	stop()  // makes run end once it has read what is already there; must not wait
	abort() // makes run end at once; must not wait
}

// seat is a connection as the roster knows it.
type seat struct {
	// Fixed once admitted.
	occupant occupant
	endpoint access.Endpoint
	origin   string     // whose share of the lobby it is part of
	address  netip.Addr // of TLS
	number   uint64     // of the server's connections

	// Guarded by roster.mu.
	state          seatState
	isUnprivileged bool // has no role, or a TLS handshake before it
	isCounted      bool // by the table of networks
	isEvicted      bool
	arrived        time.Time // in the lobby
	node           list.Node[seat]
}

// seatState is where a connection is kept.
type seatState uint8

const (
	seatOutside  seatState = iota // nowhere: it was evicted, has ended, or is the FIFO
	seatLobby                     // in the lobby of its endpoint, without a role
	seatEntering                  // still in the lobby: it has a role, and waits for a slot
	seatSlot                      // in a slot of its endpoint
)

func (s *seat) isInLobby() bool { return s.state == seatLobby || s.state == seatEntering }
