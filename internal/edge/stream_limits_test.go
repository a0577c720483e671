package edge

import (
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

func TestLimitsOnStreams(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*setup)
		state  string
		reason string
	}{
		"all":            {func(s *setup) { s.edge.Streams = 3 }, "ended", "streams"},
		"one address":    {func(s *setup) { s.edge.Admission.Streams = 3 }, "ended", "streams_per_address"},
		"one connection": {func(s *setup) { s.edge.StreamsPerConnection = 3 }, "REFUSED_STREAM", "streams_per_connection"},
	} {
		t.Run(name, func(t *testing.T) {
			w := h2TestServer(t, tt.change)
			h := w.connectH2()
			for range 3 {
				h.subscribe("subscribe=a")
			}
			over := h.get("/sse?subscribe=a")
			if over.state() != tt.state || over.status == "200" && !strings.HasPrefix(over.body.String(), "retry: ") {
				t.Errorf("the fourth is %s, %q", over.state(), over.body.String())
			}
			if st := w.stats(); st.Refused[tt.reason] != 1 || st.Streams != 3 {
				t.Errorf("refused %v, %d streams", st.Refused, st.Streams)
			}
			h.must(h.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
			h.flush()
			h.subscribe("subscribe=a")
		})
	}
}

func TestLimitsOnStreamsCountEveryVersion(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.edge.Admission.Streams = 2 })
	h := w.connectH2()
	h.subscribe("subscribe=a")
	one := w.subscribe("subscribe=a")
	if over := h.get("/sse?subscribe=a"); over.state() != "ended" {
		t.Errorf("the third is %s", over.state())
	}
	one.Close()
	w.turn()
	h.subscribe("subscribe=a")
}

func TestLimitsListStreams(t *testing.T) {
	w := h2TestServer(t, func(s *setup) { s.edge.Streams, s.edge.Admission.Streams, s.edge.StreamsPerConnection = 100, 50, 20 })
	first, second := w.connectH2(), w.connectH2()
	for range 4 {
		first.subscribe("subscribe=a")
	}
	second.subscribe("subscribe=a")
	w.subscribe("subscribe=a")
	want := func(streams, most int) {
		t.Helper()
		got := w.srv.Limits(w.kernel.Now(), 0)
		if got.Streams != streams || got.StreamLimit != 100 || got.MostStreams != most || got.MostStreamsLimit != 20 {
			t.Errorf("%d streams of %d, %d on one connection of %d; want %d of 100, %d of 20",
				got.Streams, got.StreamLimit, got.MostStreams, got.MostStreamsLimit, streams, most)
		}
		if a := got.Admission; a.MostOpen.Streams != streams || a.Limits.Streams != 50 {
			t.Errorf("the network with most has %+v of %d streams", a.MostOpen, a.Limits.Streams)
		}
		w.check()
	}
	want(6, 4)
	first.must(first.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
	first.flush()
	want(5, 3)
	first.Close()
	w.turn()
	want(2, 1)
}
