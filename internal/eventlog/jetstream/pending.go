package jetstream

import (
	"errors"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

const (
	// inFlightBytes bounds the messages that are being appended, in bytes; each counts as
	// leastBytes at least, so that there are 1,024 at most.
	inFlightBytes = 64 << 20
	leastBytes    = 64 << 10
	// leastAnswer is when a message that was not read back is published again, with the same id, if
	// nothing tells sooner that it must be; then after twice that, up to maxAnswer.
	leastAnswer = 2 * time.Second
	maxAnswer   = 5 * time.Second
	// retryPause is the pause after a broker has refused a message.
	retryPause = 200 * time.Millisecond
	// fullPatience is for how long a message is published again that the brokers have no room for: the
	// one that leads the stream hands over to another then, which may have some.
	fullPatience = 2 * time.Second
)

// errEpochChanged means that the log has another epoch than when the message was published. Whether
// it was stored before that cannot be known.
var errEpochChanged = errors.New("the epoch of the log has changed")

// pending is a record that was published here and was not read back.
type pending struct {
	epoch       string
	from        string       // tells it from a record of the same id that another node has published
	fingerprint string       // see eventlog.Key
	since       time.Time    // when it was first about to be published
	done        chan outcome // has room for one
	wasSent     bool         // it may be in the log; owned by its publisher

	isOver bool // its publisher has left; guarded by state.mu
}

// outcome is what became of it.
type outcome struct {
	receipt *eventlog.Receipt
	err     error
}

// duplicateOf returns what a publisher is told whose message the log has from another attempt.
func duplicateOf(p *pending, id sse.ID, fingerprint string) outcome {
	if p.fingerprint != fingerprint {
		return outcome{err: eventlog.ErrOtherMessage}
	}
	return outcome{receipt: eventlog.NewDuplicateReceipt(id)}
}
