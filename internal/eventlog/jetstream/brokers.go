package jetstream

import (
	"errors"
	"math/rand/v2"
	"slices"
	"time"
)

// avoidFor is how long a broker that could not be talked to comes after all others.
const avoidFor = 10 * time.Second

// brokers are the servers in the order in which they are tried: first the one that has not failed
// for longest. Run owns them.
type brokers struct{ all []broker }

type broker struct {
	url    string
	failed time.Time // what counts as when it last failed; zero: it has not
}

// newBrokers returns the servers in an order of chance, so that nodes spread over them.
func newBrokers(urls []string) brokers {
	var b brokers
	for _, url := range urls {
		b.all = append(b.all, broker{url: url})
	}
	rand.Shuffle(len(b.all), func(i, j int) { b.all[i], b.all[j] = b.all[j], b.all[i] })
	return b
}

// order returns their URLs, the one to try first in front.
func (b *brokers) order() []string {
	slices.SortStableFunc(b.all, func(a, b broker) int { return a.failed.Compare(b.failed) })
	out := make([]string, len(b.all))
	for i := range b.all {
		out[i] = b.all[i].url
	}
	return out
}

// What may end a session, beside the errors of nats.go.
var (
	errLookAgain    = errors.New("the log is not what it was; looking again")
	errClosedByPeer = errors.New("the connection to the broker has ended")
)

// betterBrokerError ends a session at a broker that has lost the others.
type betterBrokerError struct{ url string }

func (e *betterBrokerError) Error() string {
	return "messages are not answered by way of this broker, and " + e.url + " has the leader of the log; going there"
}

// ended notes that a session at a broker has ended with err. The next one begins elsewhere, unless
// the broker has done nothing wrong.
func (b *brokers) ended(url string, now time.Time, err error) {
	better, ok := errors.AsType[*betterBrokerError](err)
	switch {
	case ok:
		b.fail(better.url, time.Time{})
		b.avoid(url, now)
	case errors.Is(err, errClosedByPeer):
		b.avoid(url, now)
	case err != nil && !errors.Is(err, errLookAgain):
		b.fail(url, now)
	}
}

// avoid puts a broker that there is no talking to behind all others, for a while: each attempt costs
// dialTimeout if it is stopped or cut off.
func (b *brokers) avoid(url string, now time.Time) { b.fail(url, now.Add(avoidFor)) }

func (b *brokers) fail(url string, at time.Time) {
	for i := range b.all {
		if b.all[i].url == url {
			b.all[i].failed = at
		}
	}
}
