package edge

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

// listening is one subscription as its client sees it, over as many streams as it takes.
type listening struct {
	h      *h2client
	number uint32
	answer *h2answer
	lastID string
	got    []string
}

// read takes the events that have come, in order and whole.
func (l *listening) read() {
	text := l.answer.body.String()
	end := strings.LastIndex(text, "\n\n") + 2
	if end < 2 {
		return
	}
	l.answer.body.Reset()
	l.answer.body.WriteString(text[end:])
	for frame := range strings.SplitSeq(text[:end], "\n\n") {
		for line := range strings.Lines(frame) {
			line = strings.TrimSuffix(line, "\n")
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				l.lastID = id
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				l.got = append(l.got, data)
			}
		}
	}
}

func (l *listening) open() {
	var fields []string
	if l.lastID != "" {
		fields = []string{"last-event-id", l.lastID}
	}
	l.number, l.answer = l.h.ask("GET", "/sse?subscribe=a", true, fields...)
}

// TestNothingIsLostOverHTTP2: 20 streams on each connection, resets and resumes at random, windows
// that close and open, sockets that take little: every subscription gets every event, once and in
// order.
func TestNothingIsLostOverHTTP2(t *testing.T) {
	const connections, streams, events = 3, 20, 150
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			w := h2TestServer(t, func(s *setup) { s.edge.Admission.Penalties = 0 })
			var all []*listening
			var conns []*h2client
			for range connections {
				h := w.connectH2()
				conns = append(conns, h)
				for range streams {
					l := &listening{h: h}
					l.open()
					all = append(all, l)
				}
				h.flush()
			}
			var want []string
			for i := range events {
				want = append(want, fmt.Sprintf("%d %s", i, strings.Repeat("x", r.IntN(300))))
				w.enqueue("a", want[i])
				switch l := all[r.IntN(len(all))]; r.IntN(4) {
				case 0: // whatever was on its way is lost, and comes again
					l.h.pump()
					l.read()
					l.h.must(l.h.write.WriteRSTStream(l.number, xhttp2.ErrCodeCancel))
					l.open()
					l.h.flush()
				case 1:
					value := uint32(r.IntN(3) * 2000)
					l.h.must(l.h.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: 8000 + value}))
					l.h.flush()
				case 2:
					l.h.Throttle(1+r.IntN(2000), 1+r.IntN(2000))
				}
				if r.IntN(3) == 0 {
					w.check()
				}
			}
			for _, h := range conns {
				h.Throttle(1<<20, 1<<20)
			}
			for range 20 {
				for _, h := range conns {
					h.pump()
				}
			}
			for i, l := range all {
				l.read()
				if fmt.Sprint(l.got) != fmt.Sprint(want) {
					t.Fatalf("subscription %d is %s and got %d events of %d; the first difference is at %d", i, l.answer.state(), len(l.got), len(want), firstDifference(l.got, want))
				}
			}
			w.check()
		})
	}
}

func firstDifference(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
