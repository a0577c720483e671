package server

import (
	"context"

	"github.com/hassesd/hassesd/internal/publish"
)

// Publisher takes the messages of all connections. Its methods may be called from many goroutines.
type Publisher interface {
	// Publish gives the message its place before it returns, so that messages that are published
	// one after another keep their order. It waits for the pace of the source and for room, within
	// ctx. An error is a *publish.Error.
	Publish(ctx context.Context, r publish.Request) (Delivery, error)
}

// Delivery is a message that has its place and is on its way to the loops.
type Delivery interface {
	ID() string
	// IsDuplicate reports whether the message was published before, under the same key.
	IsDuplicate() bool
	// Matched waits until every loop has looked up its streams, and returns how many there were.
	Matched(ctx context.Context) (int, error)
}

// Through returns the Publisher that publishes through what publisher returns, which need not exist
// before the server serves.
func Through(publisher func() *publish.Publisher) Publisher { return through{publisher} }

type through struct{ publisher func() *publish.Publisher }

// Publish implements Publisher.
func (t through) Publish(ctx context.Context, r publish.Request) (Delivery, error) {
	result, err := t.publisher().Publish(ctx, r)
	if err != nil {
		return nil, err
	}
	return delivery{result}, nil
}

type delivery struct{ *publish.Result }

// ID implements Delivery.
func (d delivery) ID() string { return d.Result.ID().String() }
