package jetstream

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"time"
)

// Options are what a Log needs. Those without a comment that says otherwise are required.
type Options struct {
	Servers     []string                    // URLs of brokers: nats:// or tls://
	Name        string                      // of the cluster, see CheckName
	Node        string                      // of this node, see CheckName
	Boot        string                      // different at each start
	Replicas    int                         // brokers that keep the log: 1 to 5
	Credentials string                      // a file with a user's JWT and seed, or with a seed alone; "": none
	TLS         func() (*tls.Config, error) // asked for each connection; nil, or a nil Config: as the URLs say
	Limits      func() Limits
	NewEpoch    func(now time.Time) string
	Now         func() time.Time
	Logger      *slog.Logger
	// Kicked is called for each kick that comes while the log is followed, and for those before it
	// that still refuse clients. It must not wait. nil: kicks are ignored.
	Kicked func(Kick)
	// Hello returns what other nodes are told of this one; the log fills in what it knows itself.
	// nil: nothing else.
	Hello func() Hello
	// Answer answers a question of another node. nil: none is answered.
	Answer func(ctx context.Context, data json.RawMessage) json.RawMessage
}

// Limits are those of the stream; they are the cluster's.
type Limits struct {
	Events       int
	Bytes        int64
	Age          time.Duration
	DedupWindow  time.Duration // how long a key is remembered by the brokers
	MessageBytes int           // the longest data of a message
}

// Kick is what an operator has asked of every node. One of ID, Room and All is set.
type Kick struct {
	ID     string
	Room   string
	All    bool
	Refuse time.Duration // from now on
}
