package core

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// wantDeferred subscribes and expects the response that makes a browser return later: status 200,
// retry, end.
func wantDeferred(t *testing.T, r subscriber.Request) {
	t.Helper()
	s, err := subscriber.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Status != 200 {
		t.Fatalf("status %d, want 200: a browser gives up at anything else", s.Status)
	}
	if events, err := s.Rest(); err != nil || len(events) > 0 {
		t.Errorf("events %v and %v, want none and a clean end", events, err)
	}
	if s.Decoder.Retry() <= 0 || s.Decoder.LastEventID() != "" {
		t.Errorf("retry %s, id %q; want a retry and no id that would hide what is missed", s.Decoder.Retry(), s.Decoder.LastEventID())
	}
}

func TestConnectionsPerAddress(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-connections-per-address", "3")
	var streams []*subscriber.Stream
	for range 3 {
		streams = append(streams, d.Subscribe("subscribe=a"))
	}
	wantDeferred(t, d.Request("subscribe=a"))
	wantDeferred(t, d.Plain("subscribe=a"))
	if got := d.Status().Refused["connections_per_address"]; got != 2 {
		t.Errorf("refused %d times by reason, want 2: %v", got, d.Status().Refused)
	}
	streams[0].Close()
	d.AwaitStreams("a", 2)
	d.Subscribe("subscribe=a")
}

func TestKickRefuses(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a&id=pest")
	d.Call("kick", harness.Object{"id": "pest", "refuse_seconds": 60}, nil)
	if _, err := s.Rest(); err != nil {
		t.Errorf("the kicked stream ended with %v", err)
	}
	wantDeferred(t, d.Request("subscribe=a&id=pest"))
	d.Subscribe("subscribe=a&id=guest")
}

func TestEndsAreCounted(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	s.Close()
	cut := d.Subscribe("subscribe=a")
	if err := cut.Cut(); err != nil {
		t.Fatal(err)
	}
	d.AwaitStreams("a", 0)
	d.Call("kick", harness.Object{"all": true}, nil)
	harness.Eventually(t, "both ends are counted by reason", func() bool {
		total := uint64(0)
		for _, n := range d.Status().Closed {
			total += n
		}
		return total == 2
	})
}

// TestSlowClient fills the queue of a client that reads nothing, under each policy, beside one that
// reads everything.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	const messages = 400
	for _, policy := range []string{"close", "drop-oldest", "latest"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t, "--limits-slow", policy, "--limits-queue-bytes", "64KiB")
			r := d.Request("subscribe=a&id=slow")
			r.ReadBuffer = 4096
			slow := d.Open(r)
			quick := d.Subscribe("subscribe=a&id=quick")
			began := time.Now()
			var last harness.Sent
			for i := range messages {
				text := fmt.Sprintf("%d %s", i, strings.Repeat("x", 10_000))
				last = d.Send("a", text)
				harness.WantMessage(t, quick, text)
			}
			t.Logf("%d messages to the quick client took %s", messages, time.Since(began))

			events, reached := 0, false
			gap := false
			for {
				e, err := slow.Next()
				if err != nil {
					break
				}
				events++
				gap = gap || e.Name == "hasses.gap"
				if e.ID == last.ID && e.Name == "message" {
					reached = true
					break
				}
			}
			switch policy {
			case "close":
				harness.Eventually(t, "the slow client is counted", func() bool { return d.Status().Closed["slow_client"] == 1 })
				if reached || gap {
					t.Errorf("the slow client read to the end (gap %t), want it closed", gap)
				}
			case "drop-oldest":
				if !reached || !gap || events >= messages {
					t.Errorf("%d events, the last one %t, gap %t; want a hole that is told", events, reached, gap)
				}
			case "latest":
				if !reached || gap || events >= messages {
					t.Errorf("%d events, the last one %t, gap %t; want only the newest, without a gap", events, reached, gap)
				}
			}
		})
	}
}
