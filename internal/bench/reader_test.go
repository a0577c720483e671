package bench

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// testForm is the form of the messages in the tests of the reader.
var testForm = form{run: "0badcafe", size: 90}

func text(seq uint64) string {
	return string(testForm.append(nil, message{room: 3, seq: seq, sent: 5}))
}

// chunk is one chunk of a body.
func chunk(s string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(s), s) }

const (
	plainHead   = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
	chunkedHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\ntransfer-encoding: Chunked\r\n\r\n"
)

// answers are whole answers and what a reader finds in them.
var answers = []struct {
	name, bytes, want string
}{
	{"plain", plainHead + "data: " + text(1) + "\n\ndata: " + text(2) + "\n\n", "head event-1 event-2"},
	{"chunked", chunkedHead + chunk("retry: 1\nid: e-0\n\n") + chunk("id: e-1\ndata: "+text(1)+"\n\n") + "0\r\n\r\n", "head event-1 end"},
	{"events across chunks", chunkedHead + chunk("id: e-1\nda") + chunk("ta: "+text(1)[:20]) + chunk(text(1)[20:]+"\n") + chunk("\ndata: "+text(2)+"\n\n"), "head event-1 event-2"},
	{"chunk extension and trailer", chunkedHead + "a;x=y\r\n: comment\n\r\n" + "0 \r\nX-Trailer: x\r\n\r\n", "head end"},
	{"comment, retry and unknown fields", plainHead + ":\n\nretry: 5\n\nfoo: bar\n\nfoo\n\n", "head"},
	{"carriage returns", plainHead + "data: " + text(1) + "\r\n\r\ndata: " + text(2) + "\r\r", "head event-1 event-2"},
	{"no blank behind the colon", plainHead + "data:" + text(1) + "\n\n", "head event-1"},
	{"somebody else's", plainHead + "data: hello\ndata: world\n\ndata\n\n", "head foreign foreign"},
	{"longer than the room for a line", plainHead + "data: " + strings.Repeat("y", 1000) + "\n\n", "head foreign"},
	{"cut message", plainHead + "data: " + text(1)[:80] + "\n\n", "head broken"},
	{"message of two lines", plainHead + "data: " + text(1) + "\ndata: x\n\n", "head broken"},
	{"gap", plainHead + "event: hasses.gap\nid: e-9\ndata: {}\n\ndata: {}\nevent: hasses.gap\n\n", "head gap gap"},
	{"early hints", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + plainHead + "data: " + text(1) + "\n\n", "head event-1"},
	{"refusal", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", "head-404"},
	{"long header field", strings.Replace(plainHead, "Content-Type", "X-Long: "+strings.Repeat("x", 3000)+"\r\nContent-Type", 1) + "data: " + text(1) + "\n\n", "head event-1"},

	{"not HTTP", "SSH-2.0-OpenSSH\r\n", "error"},
	{"no status", "HTTP/1.1 OK\r\n", "error"},
	{"endless head", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxAnswerHead), "error"},
	{"no size of a chunk", chunkedHead + "\r\n", "head error"},
	{"letters for a size", chunkedHead + "xyz\r\n", "head error"},
	{"endless size", chunkedHead + strings.Repeat("1", 16) + "\r\n", "head error"},
	{"no end of a chunk", chunkedHead + "3\r\n:\n\nx", "head error"},
	{"bytes after the end", chunkedHead + "0\r\n\r\nx", "head end error"},
}

// readAll reads an answer in pieces of which cut gives the length, from what is left.
func readAll(answer string, cut func(left int) int) string {
	r := reader{form: &testForm, keepID: true}
	var found []string
	for len(answer) > 0 {
		n := cut(len(answer))
		piece := []byte(answer[:n])
		answer = answer[n:]
		for len(piece) > 0 {
			rest, what, err := r.next(piece)
			if err != nil {
				if !errors.Is(err, errAnswer) {
					panic(err)
				}
				return strings.Join(append(found, "error"), " ")
			}
			clear(piece[:len(piece)-len(rest)]) // nothing may be kept of it
			piece = rest
			if s := describe(&r, what); s != "" {
				found = append(found, s)
			}
		}
	}
	return strings.Join(found, " ")
}

func describe(r *reader, what found) string {
	switch what {
	case foundNothing:
		return ""
	case foundHead:
		if r.status != 200 {
			return fmt.Sprint("head-", r.status)
		}
		return "head"
	case foundEnd:
		return "end"
	case foundEvent:
	}
	switch r.event.kind {
	case foreign:
		return "foreign"
	case broken:
		return "broken"
	case gap:
		return "gap"
	case ours:
	}
	return fmt.Sprint("event-", r.event.message.seq)
}

func TestReader(t *testing.T) {
	t.Parallel()
	for _, tt := range answers {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := readAll(tt.bytes, func(left int) int { return left }); got != tt.want {
				t.Errorf("at once: %q, want %q", got, tt.want)
			}
			if got := readAll(tt.bytes, func(int) int { return 1 }); got != tt.want {
				t.Errorf("byte by byte: %q, want %q", got, tt.want)
			}
			if len(tt.bytes) > maxAnswerHead {
				return // a cut at each of them adds nothing
			}
			for i := 1; i < len(tt.bytes); i++ {
				first := i
				cut := func(left int) int { n := min(first, left); first = left; return n }
				if got := readAll(tt.bytes, cut); got != tt.want {
					t.Fatalf("cut at %d: %q, want %q", i, got, tt.want)
				}
			}
		})
	}
}

func TestReaderKeepsTheLastID(t *testing.T) {
	t.Parallel()
	r := reader{form: &testForm, keepID: true}
	for _, tt := range []struct{ bytes, want string }{
		{plainHead, ""},
		{"id: k3-1\n\n", "k3-1"},
		{"id: k3-", "k3-1"},
		{"22\n\n", "k3-22"},
		{"id: " + strings.Repeat("z", 500) + "\n\n", "k3-22"}, // of no server that we know
	} {
		if _, _, err := r.next([]byte(tt.bytes)); err != nil {
			t.Fatal(err)
		}
		if got := string(r.lastID); got != tt.want {
			t.Errorf("after %.20q the id is %q, want %q", tt.bytes, got, tt.want)
		}
	}
}

func TestReaderKnowsWhatIsWhole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes string
		want  bool
	}{
		{plainHead, true},
		{plainHead + "data: x\n\n", true},
		{plainHead + "data: x\n", false},
		{plainHead + "data", false},
		{plainHead[:20], false},
		{chunkedHead, false},
		{chunkedHead + chunk(": x\n\n"), false},
		{chunkedHead + "0\r\n\r\n", true},
	} {
		r := reader{form: &testForm}
		for p := []byte(tt.bytes); len(p) > 0; {
			var err error
			if p, _, err = r.next(p); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.isWhole(); got != tt.want {
			t.Errorf("%q is whole: %v, want %v", tt.bytes, got, tt.want)
		}
	}
}

func TestReaderAllocatesNothing(t *testing.T) {
	r, event := eventReader(t)
	if n := testing.AllocsPerRun(1000, func() { readEvent(t, r, event) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

func BenchmarkReader(b *testing.B) {
	r, event := eventReader(b)
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		readEvent(b, r, event)
	}
}

// eventReader returns a reader behind the head and the bytes of one event as hassesd sends it.
func eventReader(tb testing.TB) (*reader, []byte) {
	tb.Helper()
	r := &reader{form: &testForm, keepID: true}
	if _, what, err := r.next([]byte(chunkedHead)); what != foundHead || err != nil {
		tb.Fatal(what, err)
	}
	event := []byte(chunk("id: k3x9-12345\ndata: " + text(1) + "\n\n"))
	readEvent(tb, r, event)
	return r, event
}

func readEvent(tb testing.TB, r *reader, event []byte) {
	rest, what, err := r.next(event)
	if what != foundEvent || err != nil {
		tb.Fatal(what, err)
	}
	if _, what, err := r.next(rest); what != foundNothing || err != nil {
		tb.Fatal(what, err)
	}
}

// FuzzReader proves that the pieces in which an answer comes change nothing.
func FuzzReader(f *testing.F) {
	for _, a := range answers {
		if len(a.bytes) < 2000 {
			f.Add([]byte(a.bytes), uint8(7))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		whole := readAll(string(data), func(left int) int { return left })
		pieces := readAll(string(data), func(left int) int { return min(left, int(step)+1) })
		if whole != pieces {
			t.Errorf("at once %q, in pieces of %d %q", whole, int(step)+1, pieces)
		}
	})
}
