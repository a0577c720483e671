package publish

import (
	"errors"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/idempotency"
)

// trier is a log that can tell at once whether there is room. A log that is elsewhere is none.
type trier interface {
	// TryAppend is Append, but returns nil instead of waiting.
	TryAppend(d eventlog.Draft) (*eventlog.Receipt, error)
}

// ErrWouldWait means that a message cannot be published without waiting.
var ErrWouldWait = errors.New("publishing the message may take time")

// TryPublish is Publish for an event loop: it waits for nothing. Its error is ErrWouldWait if the
// pace of the source, a full inbox, a log that is elsewhere, or another request with the same key
// would make the message wait. Then nothing has happened, and nothing is counted: call Publish, on a
// goroutine that may wait.
func (p *Publisher) TryPublish(r Request) (*Result, error) {
	if p.atOnce == nil {
		return nil, ErrWouldWait
	}
	limits := p.limits()
	draft, refused := r.check(limits)
	if refused != nil {
		return p.counted(r.Source.door, nil, refused)
	}
	var claim *idempotency.Claim
	if r.Key != "" && p.keys != nil {
		var earlier *eventlog.Receipt
		var err error
		claim, earlier, err = p.keys.TryClaim(idempotency.KeyOf(r.publisher(), r.Key, r.Part), idempotency.FingerprintOf(r.message()))
		switch {
		case errors.Is(err, idempotency.ErrMismatch):
			return p.counted(r.Source.door, nil, keyReused())
		case err != nil, earlier != nil && !earlier.IsFinal():
			return nil, ErrWouldWait
		case earlier != nil:
			return p.counted(r.Source.door, &Result{receipt: earlier, duplicate: true}, nil)
		}
	}
	var receipt *eventlog.Receipt
	if claim != nil {
		defer func() { settle(claim, receipt) }()
	}
	receipt, err := p.appendAtOnce(r.Source, draft, limits.Pace)
	switch {
	case receipt != nil:
		return p.counted(r.Source.door, &Result{receipt: receipt}, nil)
	case err != nil:
		return p.counted(r.Source.door, nil, notAppended(err))
	}
	return nil, ErrWouldWait
}

// appendAtOnce gives a message its place. Both results are nil if it would have to wait.
func (p *Publisher) appendAtOnce(source *Source, draft eventlog.Draft, pace Pace) (*eventlog.Receipt, error) {
	if !source.tryNext(p.now, pace, draft.Bytes()) {
		return nil, nil //nolint:nilnil // the caller waits elsewhere
	}
	receipt, err := p.atOnce.TryAppend(draft)
	if receipt == nil && err == nil {
		source.undoNext(pace, draft.Bytes())
	}
	return receipt, err
}
