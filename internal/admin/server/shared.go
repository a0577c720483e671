package server

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
)

// shared is what all connections of a server share.
type shared struct {
	// Fixed after creation.
	backend    Backend
	messages   Publisher
	log        *slog.Logger
	answerLog  *slog.Logger
	delimiter  byte
	maxMessage func() int
	handshakes handshakes
	timeouts   timeouts
	ctx        context.Context // of all that is asked of the Backend; ends when a shutdown loses patience

	// Safe by themselves.
	rules      rules
	attempts   access.AuthAttempts
	networks   networks
	roster     *roster
	refusals   refusals
	unfinished lineBudget
	lists      listings
}

// timeouts bound what a peer can hold up. Fixed once the server serves.
type timeouts struct {
	write     time.Duration // of each writeChunk of answers
	answer    time.Duration // of an answer as a whole
	list      time.Duration // of a list that is sent in pieces, as a whole
	handshake time.Duration // of TLS
}

// rules are what connections are judged by now. They need no lock.
type rules struct {
	rights    atomic.Pointer[access.Rights]    // never nil
	mutualTLS atomic.Pointer[access.MutualTLS] // of the TLS endpoint
}

// of returns the rules for an endpoint.
func (r *rules) of(endpoint access.Endpoint) (*access.Rights, *access.MutualTLS) {
	if endpoint != access.TLS {
		return r.rights.Load(), nil
	}
	return r.rights.Load(), r.mutualTLS.Load()
}
