package jetstream

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/hassesd/hassesd/internal/eventlog"
)

func noRoom() error {
	return &js.APIError{Code: 503, ErrorCode: insufficientResources, Description: "insufficient resources"}
}

func TestWhatWantOfRoomIs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"the server's storage":  {noRoom(), true},
		"the account's":         {&js.APIError{ErrorCode: accountResourcesExceeded}, true},
		"of the stream":         {&js.APIError{ErrorCode: storeFailed, Description: "maximum bytes exceeded"}, true},
		"a disk that fails":     {&js.APIError{ErrorCode: storeFailed, Description: "input/output error"}, false},
		"another refusal":       {&js.APIError{ErrorCode: js.JSErrCodeStreamNotFound}, false},
		"nobody has answered":   {js.ErrNoStreamResponse, false},
		"the connection failed": {errClosedByPeer, false},
	} {
		if got := isFull(tt.err); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// While brokers have no room, publishers are told so after a moment, and not after their whole deadline.
func TestPublishersAreToldThatThereIsNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeBroker{leader: "b0", refusal: noRoom()}
		l, _ := followed(t, f)
		refused := func(want error) {
			t.Helper()
			began := time.Now()
			err := <-appendOne(t.Context(), l)
			if took := time.Since(began); !errors.Is(err, want) || took < fullPatience || took > fullPatience+2*retryPause {
				t.Errorf("after %s: %v", took, err)
			}
		}
		refused(eventlog.ErrFull)
		if !l.hello().Full {
			t.Error("other nodes are not told")
		}
		// The leader of a replicated stream gives up, and there is no other.
		f.set("b0", js.ErrNoStreamResponse)
		refused(eventlog.ErrFull)

		// Something is stored: from now on nobody knows why there is no leader.
		l.mu.Lock()
		l.stored(time.Now().Add(-fullPatience - 2*retryPause))
		l.mu.Unlock()
		if !l.knowsFull() {
			t.Error("what was stored before proves nothing")
		}
		pass(2 * clockSlack)
		l.mu.Lock()
		l.stored(time.Now())
		l.mu.Unlock()
		if l.knowsFull() || l.hello().Full {
			t.Error("the brokers have stored a record, and still count as full")
		}
		l.peers.heard(Hello{Node: "m", Boot: "c", Full: true}, time.Now())
		refused(eventlog.ErrFull) // another node knows
		pass(goneAfter)
		if l.knowsFull() {
			t.Error("what a node said that is gone counts")
		}
	})
}
