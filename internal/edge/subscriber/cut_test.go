package subscriber

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// story is a hub, what has happened to it, and a stream in room a that a client opened in between.
type story struct {
	t      *testing.T
	f      *fixture
	places []string // the ids of all events and of all changes of the epoch, in their order
	data   map[string]string
	answer []byte
}

// apply lets the hub have an event for room a.
func (s *story) apply(ids ...string) {
	s.t.Helper()
	for _, text := range ids {
		id, _ := sse.ParseID(text)
		data := "data of " + text
		draft, err := eventlog.NewDraft(eventlog.Message{To: []names.Target{{Name: "a"}}, Event: sse.Event{Data: data}})
		if err != nil {
			s.t.Fatal(err)
		}
		if !s.f.hub.Apply(draft.Record(draft.Encode(), id, s.f.now, nil)) {
			s.t.Fatalf("no room for %s", id)
		}
		s.places = append(s.places, text)
		s.data[text] = data
		s.deliver()
	}
}

func (s *story) rebase(text string) {
	id, _ := sse.ParseID(text)
	s.f.hub.Rebase(id)
	s.places = append(s.places, text)
	s.deliver()
}

func (s *story) deliver() {
	for s.f.set.Shard.Deliver(1000, 1<<20) {
	}
}

// history sets how many events are kept.
func (s *story) history(events int, slow hub.Policy) {
	s.f.hub.SetLimits(s.f.now, hub.HistoryLimits{Events: events, Bytes: 1 << 20, Age: time.Hour}, 80, slow)
}

// open opens the stream, and read takes what there is of it.
func (s *story) open(lastEventID string) {
	s.answer = append(s.answer, s.f.sub.Start(s.f.now, inRoomA(lastEventID), time.Second)...)
}

func (s *story) read() { s.answer = append(s.answer, s.f.payload()...) }

// block ends when unblock is called: meanwhile the socket takes nothing.
func (s *story) block()   { s.f.blocked = true }
func (s *story) unblock() { s.f.blocked = false; s.read() }

func inRoomA(lastEventID string) Grant {
	return Grant{Subscription: hub.Subscription{Rooms: []string{"a"}, LastEventID: lastEventID}}
}

// page is a browser's side: what it has got over all its connections, by the rules of the HTML
// standard.
type page struct {
	t           *testing.T
	s           *story
	lastEventID string
	got         map[string]bool
	gaps        []string // the positions up to which events are said to be missing
}

// take takes what came of an answer: only whole frames count.
func (p *page) take(answer []byte) {
	frames := strings.Split(string(answer), "\n\n")
	for _, frame := range frames[:len(frames)-1] {
		id, event, data := "", "message", ""
		for line := range strings.SplitSeq(frame, "\n") {
			switch name, value, _ := strings.Cut(line, ": "); name {
			case "id":
				id = value
			case "event":
				event = value
			case "data":
				data = value
			}
		}
		isGap := event == sse.GapEvent
		switch {
		case isGap:
			p.gaps = append(p.gaps, id)
		case data == "":
		case p.got[id] || p.s.data[id] != data:
			p.t.Fatalf("%q comes twice, or nobody sent it", frame)
		default:
			p.got[id] = true
		}
		if was, is := p.place(p.lastEventID), p.place(id); !isGap && id != "0-0" && is < was {
			p.t.Fatalf("after %s the stream goes back to %s", p.lastEventID, id)
		}
		p.lastEventID = id
	}
}

// place returns the place of an id in the order; -1: it has none.
func (p *page) place(id string) int { return slices.Index(p.s.places, id) }

// missing returns the events behind the id that the page began with, of which it was told nothing.
func (p *page) missing(since string) (missing []string) {
	for i, id := range p.s.places {
		_, isEvent := p.s.data[id]
		isTold := slices.ContainsFunc(p.gaps, func(to string) bool { return i <= p.place(to) })
		if isEvent && i > p.place(since) && !p.got[id] && !isTold {
			missing = append(missing, id)
		}
	}
	return missing
}

// TestACutNowhereLosesAGap cuts each of these streams behind every byte. The browser then comes back
// with the last id that it has seen: after that it must have each event, or have been told of a gap.
func TestACutNowhereLosesAGap(t *testing.T) {
	for _, tt := range []struct {
		name string
		last string
		gaps int // that the whole answer has
		tell func(s *story)
	}{
		{"nothing is missing", "e-2", 0, func(s *story) {
			s.apply("e-3", "e-4")
			s.open("e-2")
			s.read()
			s.apply("e-5")
			s.read()
		}},
		{"too old", "e-1", 1, func(s *story) {
			s.apply("e-3", "e-4", "e-5")
			s.history(2, hub.Close)
			s.open("e-1")
			s.read()
		}},
		{"too old, and nothing is kept", "e-1", 1, func(s *story) {
			s.history(0, hub.Close)
			s.apply("e-3")
			s.open("e-1")
			s.read()
			s.apply("e-4")
			s.read()
		}},
		{"of an epoch that nobody knows", "d-7", 1, func(s *story) {
			s.history(1, hub.Close)
			s.apply("e-3")
			s.open("d-7")
			s.read()
		}},
		{"no id of ours", "1764536431", 1, func(s *story) {
			s.history(1, hub.Close)
			s.apply("e-3")
			s.open("1764536431")
			s.read()
		}},
		{"further than the log, which then gets there", "e-5", 1, func(s *story) {
			s.open("e-5")
			s.read()
			s.apply("e-3", "e-4", "e-5", "e-6")
			s.read()
		}},
		{"the epoch has changed", "e-1", 1, func(s *story) {
			s.apply("e-3")
			s.rebase("f-1")
			s.apply("f-2")
			s.open("e-1")
			s.read()
		}},
		{"the epoch changes under a stream", "e-1", 1, func(s *story) {
			s.open("e-1")
			s.read()
			s.apply("e-3")
			s.rebase("f-1")
			s.apply("f-2")
			s.read()
		}},
		{"the epoch changes before a replay", "e-1", 1, func(s *story) {
			s.apply("e-3", "e-4")
			s.open("e-1")
			s.rebase("f-1")
			s.apply("f-2")
			s.read()
		}},
		{"a replay is overtaken", "e-1", 1, func(s *story) {
			s.apply("e-3", "e-4")
			s.open("e-1")
			s.history(1, hub.Close)
			s.apply("e-5", "e-6")
			s.read()
		}},
		{"too old, and then too slow under drop-oldest", "e-1", 2, func(s *story) {
			s.apply("e-3", "e-4")
			s.history(1, hub.DropOldest)
			s.open("e-1")
			s.read()
			s.block()
			s.apply("e-5", "e-6", "e-7", "e-8", "e-9")
			s.unblock()
		}},
		{"too slow under drop-oldest from the beginning", "e-1", 2, func(s *story) {
			s.history(1, hub.DropOldest)
			s.apply("e-3")
			s.history(0, hub.DropOldest)
			s.block()
			s.open("e-1")
			s.apply("e-5", "e-6", "e-7", "e-8", "e-9")
			s.unblock()
		}},
		{"too slow under latest when the epoch changes", "e-2", 1, func(s *story) {
			s.history(100, hub.Latest)
			s.block()
			s.open("e-2")
			s.apply("e-3")
			s.rebase("f-1")
			s.apply("f-2")
			s.unblock()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for cut := 0; ; cut++ {
				s := &story{t: t, f: newFixture(t, hub.Options{IsShared: strings.Contains(tt.name, "epoch")}), data: map[string]string{}}
				s.apply("e-1", "e-2")
				tt.tell(s)
				s.f.sub.Stop()
				if cut > len(s.answer) {
					break
				}
				p := &page{t: t, s: s, lastEventID: tt.last, got: map[string]bool{}}
				p.take(s.answer[:cut])
				if cut == len(s.answer) && len(p.gaps) != tt.gaps {
					t.Fatalf("%d gaps, want %d, in %q", len(p.gaps), tt.gaps, s.answer)
				}
				s.answer = nil
				s.f.blocked = false
				s.open(p.lastEventID)
				s.read()
				p.take(s.answer)
				if missing := p.missing(tt.last); len(missing) > 0 {
					t.Fatalf("cut behind %d bytes, and resumed after %s with %q: nobody tells of %v", cut, p.lastEventID, s.answer, missing)
				}
				if at := p.place(p.lastEventID); at != len(s.places)-1 {
					t.Fatalf("cut behind %d bytes: at %s in the end", cut, p.lastEventID)
				}
				s.f.sub.Stop()
			}
		})
	}
}

// The first frame of a resume has an id from which the client would be told of the gap again, and
// never one further on than where the replay begins.
func TestTheFirstFrameOfAResume(t *testing.T) {
	for last, want := range map[string]string{"e-3": "e-3", "e-1": "e-1", "d-9": "0-0", "e-9": "0-0", "nonsense": "0-0", hub.Earliest: "e-2", "": "e-4"} {
		s := &story{t: t, f: newFixture(t, hub.Options{}), data: map[string]string{}}
		s.apply("e-1", "e-2", "e-3", "e-4")
		s.history(2, hub.Close)
		s.open(last)
		if got := string(s.answer); got != fmt.Sprintf("retry: 1000\nid: %s\n\n", want) {
			t.Errorf("resumed after %q: %q, want the id %s", last, got, want)
		}
		s.f.sub.Stop()
	}
}
