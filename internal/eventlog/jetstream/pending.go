package jetstream

import (
	"errors"
	"strconv"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/sse"
)

// errEpochChanged means that the log has another epoch than when the message was published. Whether
// it was stored before that cannot be known.
var errEpochChanged = errors.New("the epoch of the log has changed")

// register makes a record known that is about to be published, so that it is recognised when it is
// read. Its id holds the epoch: published under another one, it is another record. It returns nil
// if one of the same key is on its way.
func (st *state) register(key eventlog.Key) (p *pending, id string, after uint64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.number++
	p = &pending{
		epoch: st.position.Epoch, from: st.o.Node + "-" + st.o.Boot + "-" + strconv.FormatUint(st.number, 36),
		fingerprint: key.Fingerprint, since: st.o.Now(), done: make(chan outcome, 1),
	}
	id = p.from + "." + p.epoch
	if key.ID != "" {
		id = "k-" + key.ID + "." + p.epoch
	}
	if st.pending[id] != nil {
		return nil, "", 0
	}
	st.pending[id] = p
	return p, id, st.position.Seq
}

// forget is the end of a publisher's wait.
func (st *state) forget(id string, p *pending) {
	st.mu.Lock()
	defer st.mu.Unlock()
	p.isOver = true
	if st.pending[id] == p {
		delete(st.pending, id)
	}
}

// take returns the record of that id if it was published here and waits to be read back.
func (st *state) take(id string) *pending {
	st.mu.Lock()
	defer st.mu.Unlock()
	p := st.pending[id]
	delete(st.pending, id)
	return p
}

// restore undoes take, unless the publisher has left, or is back with another attempt.
func (st *state) restore(id string, p *pending) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if p != nil && !p.isOver && st.pending[id] == nil {
		st.pending[id] = p
	}
}

// abandon ends the wait for every record that was published under an epoch other than this one. It
// is called after moved, so that nothing is registered under the former epoch any more.
func (st *state) abandon(epoch string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for id, p := range st.pending {
		if p.epoch != epoch {
			delete(st.pending, id)
			p.done <- outcome{err: errEpochChanged}
		}
	}
}

// waiting returns for how long the oldest message has waited for its answer since the session began.
func (st *state) waiting(began, now time.Time) (longest time.Duration) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, p := range st.pending {
		since := p.since
		if since.Before(began) {
			since = began
		}
		longest = max(longest, now.Sub(since))
	}
	return longest
}

// duplicateOf returns what a publisher is told whose message the log has from another attempt.
func duplicateOf(p *pending, id sse.ID, fingerprint string) outcome {
	if p.fingerprint != fingerprint {
		return outcome{err: eventlog.ErrOtherMessage}
	}
	return outcome{receipt: eventlog.NewDuplicateReceipt(id)}
}
