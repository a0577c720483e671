package edge

import (
	"strings"
	"testing"
)

func TestCutAgent(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"curl/8.5.0":                   "curl/8.5.0",
		"caf\xe9":                      "caf\uFFFD",
		strings.Repeat("x", 127) + "é": strings.Repeat("x", 127) + "\uFFFD",
		strings.Repeat("x", 999):       strings.Repeat("x", maxAgent),
	} {
		if got := cutAgent(in); got.String() != want {
			t.Errorf("cutAgent(%q) = %q, want %q", in, got, want)
		}
	}
}

// Empty lines before a request are skipped (RFC 9112 section 2.2), however they come, and nothing
// is kept in memory that the next connection reads into.
func TestEmptyLinesBeforeARequestInPieces(t *testing.T) {
	for _, pieces := range [][]string{
		{"\r\n\r\nGET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"\r", "\n", "GET /sse?subs", "cribe=a HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"\r", "\n", "\r\nGET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\nX: x", "\r\n\r\n"},
		{"\r\n", "\r", "\nG", "ET /sse?subscribe=a HTTP/1.1\r\nHost: h", "\r\n", "\r\n"},
	} {
		w := newTestServer(t, nil)
		c := w.connect()
		for i, piece := range pieces {
			c.Send([]byte(piece))
			w.turn()
			if i < len(pieces)-1 {
				w.subscribe("subscribe=somebody-elses-room&id=who-asks-on-the-same-loop")
			}
		}
		c.want(`HTTP/1.1 200 OK\r\n`)
		if n := w.srv.workers[0].shard.RoomCount("a"); n != 1 {
			t.Errorf("%q: %d streams are in the room that was asked for", pieces, n)
		}
	}
}
