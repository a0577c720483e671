package server

import (
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/access"
)

// SetWriteTimeout shortens the patience with peers that do not read, before s serves.
func SetWriteTimeout(s *Server, d time.Duration) { s.shared.timeouts.write = d }

// SetAnswerTimeout shortens what an answer may take as a whole, before s serves.
func SetAnswerTimeout(s *Server, d time.Duration) { s.shared.timeouts.answer = d }

// SetHandshakeTimeout shortens the patience with TLS clients, before s serves.
func SetHandshakeTimeout(s *Server, d time.Duration) { s.shared.timeouts.handshake = d }

// SetSlotPatience changes how long a new connection waits for a slot, before s serves.
func SetSlotPatience(s *Server, d time.Duration) { s.shared.roster.slotPatience = d }

// SetLobbyPatience changes how long a connection may be without a role when others want its room,
// before s serves.
func SetLobbyPatience(s *Server, d time.Duration) { s.shared.roster.lobbyPatience = d }

// SetLinePatience changes how long an unfinished command may keep memory from others, and how long
// those wait for it, before s serves.
func SetLinePatience(s *Server, grace, wait time.Duration) {
	s.shared.unfinished.grace, s.shared.unfinished.wait = grace, wait
}

// ShortPause ends a classic command over a plain socket.
const ShortPause = shortPause

// SpeakJSON is a connection in the JSON form without a socket: what it answers to the pieces, and
// then the end.
func SpeakJSON(b interface {
	Backend
	Publisher
}, maxMessage int, pieces ...[]byte,
) string {
	s, cancel := newShared(Options{Backend: b, Publisher: b, Logger: slog.New(slog.DiscardHandler), MaxMessage: func() int { return maxMessage }})
	defer cancel()
	c := newConn(s, access.Unix)
	c.queue, c.principal.Peer = newAnswers(), &unix.Ucred{}
	c.seat.state = seatSlot
	c.speaker = newRPC(c)
	answered := make(chan string)
	go func() {
		var out []byte
		for x, ok := c.queue.next(); ok; x, ok = c.queue.next() {
			if x.later != nil {
				x.text = x.later(s.ctx)
			}
			out = append(out, x.text...)
		}
		answered <- string(out)
	}()
	for _, piece := range pieces {
		c.feed(piece)
	}
	c.flush()
	c.queue.finish()
	return <-answered
}
