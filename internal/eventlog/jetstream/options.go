package jetstream

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
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

// MaxName bounds the name of a cluster and of a node, in bytes.
const MaxName = 64

// CheckName returns an error unless name can be that of a cluster: it becomes a part of subjects
// and of the stream's name.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName {
		return errors.New("has 1 to 64 letters, digits, hyphens and underscores")
	}
	for i := range len(name) {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return errors.New("has letters, digits, hyphens and underscores only")
		}
	}
	return nil
}

// subjects are what the names of a cluster lead to.
type subjects struct {
	stream string
	prefix string // of the records
	ctl    string // of what nodes tell each other
}

func subjectsOf(name string) subjects {
	return subjects{stream: "hassesd-" + name, prefix: "hassesd." + name + ".log.", ctl: "hassesd." + name + ".ctl."}
}

func (s subjects) of(k kind) string { return s.prefix + string(k) }

func (s subjects) all() string { return s.prefix + "*" }

func (s subjects) kind(subject string) kind { return kind(strings.TrimPrefix(subject, s.prefix)) }
