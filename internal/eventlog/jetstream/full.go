package jetstream

import (
	"errors"
	"slices"
	"strings"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/eventlog"
)

// Codes of JetStream's errors that nats.go has no names for.
const (
	accountResourcesExceeded = 10002
	insufficientResources    = 10023
	memoryResourcesExceeded  = 10028
	storageResourcesExceeded = 10047
	storeFailed              = 10077
)

var wantOfRoom = []js.ErrorCode{accountResourcesExceeded, insufficientResources, memoryResourcesExceeded, storageResourcesExceeded} //nolint:gochecknoglobals // a constant in all but the language

// isFull reports whether a broker has refused a record because it has no room for it.
func isFull(err error) bool {
	fault, ok := errors.AsType[*js.APIError](err)
	if !ok {
		return false
	}
	return slices.Contains(wantOfRoom, fault.ErrorCode) || fault.ErrorCode == storeFailed && strings.Contains(fault.Description, "maximum")
}

// notTaken returns what a broker's refusal means. None is final but for want of room, and that only
// after a while.
func (st *state) notTaken(err error) outcome {
	switch {
	case isFull(err):
		st.mu.Lock()
		defer st.mu.Unlock()
		if st.fullSince.IsZero() {
			st.o.Logger.Warn("the brokers have no room for the cluster's log; messages are refused until they have", "err", err)
		}
		st.fullSince = st.o.Now()
		return outcome{err: eventlog.ErrFull}
	case errors.Is(err, js.ErrNoStreamResponse) && st.knowsFull():
		// The leader of a replicated stream says once that there is no room, and gives up; brokers
		// without room elect no other.
		return outcome{err: eventlog.ErrFull}
	}
	st.o.Logger.Debug("a broker has not taken a message", "err", err)
	return outcome{}
}

// knowsFull reports whether a broker has said, here or to another node, that there is no room, and
// nothing was stored since.
func (st *state) knowsFull() bool {
	st.mu.Lock()
	isFull := !st.fullSince.IsZero()
	st.mu.Unlock()
	return isFull || st.peers.anyFull(st.o.Now())
}

// clockSlack is by how much the time of a record may be wrong.
const clockSlack = time.Second

// stored notes that a record was stored at a time. Guarded by mu.
func (st *state) stored(at time.Time) {
	if !st.fullSince.IsZero() && at.After(st.fullSince.Add(clockSlack)) {
		st.fullSince = time.Time{}
		st.o.Logger.Info("the brokers have room for the cluster's log again")
	}
}
