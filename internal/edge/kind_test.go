package edge

import (
	"slices"
	"testing"

	xhttp2 "golang.org/x/net/http2"
)

func TestStreamsAreCountedByVersion(t *testing.T) {
	w := h2TestServer(t, nil)
	h := w.connectH2()
	h.subscribe("subscribe=a")
	h.subscribe("subscribe=a")
	idle := w.connectH2()
	w.subscribe("subscribe=a")
	w.connect() // has not asked for anything
	old := w.connect()
	old.Send([]byte("GET /sse?subscribe=a HTTP/1.0\r\n\r\n"))
	w.turn()
	want := func(v10, v11, v20 HTTPStats) {
		t.Helper()
		v10.Version, v11.Version, v20.Version = "1.0", "1.1", "2"
		all := []HTTPStats{v10, {Version: "1.0", TLS: true}, v11, {Version: "1.1", TLS: true}, v20, {Version: "2", TLS: true}}
		if got := w.stats().HTTP; !slices.Equal(got, all) {
			t.Errorf("got  %+v\nwant %+v", got, all)
		}
		w.check()
	}
	one := HTTPStats{Connections: 1, Streams: 1}
	want(one, one, HTTPStats{Connections: 2, Streams: 2})
	old.Close()
	idle.Close()
	h.must(h.write.WriteRSTStream(1, xhttp2.ErrCodeCancel))
	h.flush()
	want(HTTPStats{}, one, HTTPStats{Connections: 1, Streams: 1})
	h.Close()
	w.turn()
	want(HTTPStats{}, one, HTTPStats{})
}
