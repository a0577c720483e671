package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admission"
)

// Options are what a [Server] acts on.
type Options struct {
	Backend   Backend
	Publisher Publisher // for all messages; see Through
	Logger    *slog.Logger

	// Answers gets the text of the classic status, clientlist, numberofclients and
	// subscribedclients, one record a line with its text as the attribute "line". hasses logged
	// these at every level, so give it a logger that no level silences. It may wait for as long as
	// its context allows. nil: Logger.
	Answers *slog.Logger

	// Delimiter ends a classic command, besides the newline. 0: ';'.
	Delimiter byte

	// Connections is how many slots each endpoint has: the connections of one cannot take the slots
	// of another, so that publishers on TCP never lock an administrator out of the Unix socket. 0:
	// 128.
	Connections int

	// Rights apply until [Server.SetRights]. nil: the Unix socket is for administrators, plain TCP
	// for publishers, and there are no keys.
	Rights *access.Rights

	// Admission decides which networks may begin TLS handshakes, and records violations. nil: all
	// may.
	Admission *admission.Table

	// HandshakeSlot waits until a TLS handshake may compute; leave gives the processor back. nil:
	// at once.
	HandshakeSlot func(ctx context.Context) (leave func(), err error)

	// HandshakesUnderway is called with +1 when a TLS handshake begins, and with -1 when it ends.
	// May be nil.
	HandshakesUnderway func(change int64)

	// LineBytes returns how much the unfinished commands of all connections may hold together at
	// present, beside the first 64 KiB of each. nil: no bound.
	LineBytes func() int64

	// MaxMessage returns the present bound of a message's bytes. nil: 64 KiB.
	MaxMessage func() int
}

// newShared returns what the connections of a server with these options share.
func newShared(o Options) (*shared, context.CancelFunc) {
	s := &shared{
		backend:    o.Backend,
		messages:   o.Publisher,
		log:        o.Logger,
		answerLog:  o.Answers,
		delimiter:  o.Delimiter,
		maxMessage: o.MaxMessage,
		handshakes: handshakes{slot: o.HandshakeSlot, underway: o.HandshakesUnderway},
		timeouts: timeouts{
			write:     writeTimeout,
			answer:    answerTimeout,
			list:      listPatience,
			handshake: handshakeTimeout,
		},
		networks:   networks{table: o.Admission, began: time.Now()},
		refusals:   refusals{count: o.Backend.CountCommandError},
		unfinished: lineBudget{limit: o.LineBytes, grace: lineGrace, wait: linePatience},
	}
	slots := o.Connections
	if slots <= 0 {
		slots = defaultSlots
	}
	s.roster = newRoster(slots, &s.networks)
	s.lists.init(s.roster.stopping)
	s.rules.rights.Store(o.Rights)
	if o.Rights == nil {
		s.rules.rights.Store(access.DefaultRights())
	}
	if s.answerLog == nil {
		s.answerLog = s.log
	}
	if s.delimiter == 0 {
		s.delimiter = ';'
	}
	if s.maxMessage == nil {
		s.maxMessage = func() int { return 64 << 10 }
	}
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithCancel(context.Background())
	return s, cancel
}
