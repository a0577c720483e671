package edge

import (
	"strings"
	"testing"
)

// subscribedOverTLS returns a test server with n streams over TLS 1.3, in the room "room0".
func subscribedOverTLS(t *testing.T, n int, change func(*setup)) *testServer {
	t.Helper()
	server, client := testTLS(t)
	w := newTestServer(t, func(s *setup) {
		s.tls = server
		if change != nil {
			change(s)
		}
	})
	for i := range n {
		peer := w.connect().Peer
		w.tlsDo(func() error { return subscribeOverTLS(peer, client, 0, i) })
	}
	return w
}

func (w *testServer) hotKeys() int {
	n, _, _ := w.srv.workers[0].transport.Records.Hot()
	return n
}

func TestRecordsOfStreamsAreHandedOver(t *testing.T) {
	w := subscribedOverTLS(t, 3, nil)
	if got := w.stats().Records; got["handed_over"] != 3 || got["setting"] != 0 {
		t.Errorf("records: %v", got)
	}
	w.check() // compares the keys with the connections
	w = subscribedOverTLS(t, 2, func(s *setup) { s.edge.HandOver = false })
	if got := w.stats().Records; got["setting"] != 2 || got["handed_over"] != 0 {
		t.Errorf("records: %v", got)
	}
}

// Keys that are ready to seal are the first to go when memory runs short.
func TestHotKeysGoWhenMemoryIsShort(t *testing.T) {
	w := subscribedOverTLS(t, 5, nil)
	w.publish("room0", "x")
	w.turnUntilQuiet()
	if got := w.hotKeys(); got != 5 {
		t.Fatalf("%d hot keys of five streams", got)
	}
	w.srv.RefuseStreams(true)
	w.turn()
	if got := w.hotKeys(); got != 0 {
		t.Errorf("%d hot keys while memory is short", got)
	}
	w.publish("room0", strings.Repeat("x", 1000))
	w.turnUntilQuiet()
	if got, st := w.hotKeys(), w.stats(); got != 0 || st.Deliveries != 10 {
		t.Errorf("%d hot keys while memory is short, %d deliveries", got, st.Deliveries)
	}
	w.srv.RefuseStreams(false)
	w.publish("room0", "y")
	w.turnUntilQuiet()
	if got := w.hotKeys(); got != 5 {
		t.Errorf("%d hot keys afterwards", got)
	}
}

// A new setting is followed without closing anything.
func TestSettingsOfRecordsAreFollowed(t *testing.T) {
	w := subscribedOverTLS(t, 3, nil)
	w.publish("room0", "x")
	w.turnUntilQuiet()
	next := w.srv.config().Config
	next.HotKeys, next.HandOver = 0, false
	w.srv.Reconfigure(w.kernel.Now(), next)
	w.turn()
	if got := w.hotKeys(); got != 0 {
		t.Errorf("%d hot keys without room", got)
	}
	w.publish("room0", "y")
	w.turnUntilQuiet()
	if st := w.stats(); st.Deliveries != 6 || st.Streams != 3 {
		t.Errorf("deliveries %d, streams %d", st.Deliveries, st.Streams)
	}
}
