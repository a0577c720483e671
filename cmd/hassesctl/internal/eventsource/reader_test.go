package eventsource

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// readEvents is all events of a stream, and the reader that read them.
func readEvents(t *testing.T, r io.Reader, lastID string) ([]Event, *Reader) {
	t.Helper()
	er := NewReader(r, lastID, 1<<20)
	var events []Event
	for {
		ev, err := er.Next()
		if errors.Is(err, io.EOF) {
			return events, er
		}
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		events = append(events, ev)
	}
}

var streams = []struct {
	name   string
	in     string
	want   []Event
	lastID string
	retry  time.Duration
}{
	{name: "nothing", in: ""},
	{name: "one", in: "data: hello\n\n", want: []Event{{"", "message", "hello"}}},
	{name: "all fields", in: "id: e-1\nevent: news\nretry: 2500\ndata: x\n\n", want: []Event{{"e-1", "news", "x"}}, lastID: "e-1", retry: 2500 * time.Millisecond},
	{name: "lines", in: "data: a\ndata\ndata:\ndata: b\n\n", want: []Event{{"", "message", "a\n\n\nb"}}},
	{name: "one space is dropped", in: "data:a\ndata: b\ndata:  c\n\n", want: []Event{{"", "message", "a\nb\n c"}}},
	{name: "empty data", in: "data\n\ndata:\n\ndata: \n\n", want: []Event{{"", "message", ""}, {"", "message", ""}, {"", "message", ""}}},
	{name: "colons in data", in: "data: a: b:c\n\n", want: []Event{{"", "message", "a: b:c"}}},
	{name: "comment", in: ": hi\n:\n\ndata: x\n:y\n\n", want: []Event{{"", "message", "x"}}},
	{name: "unknown fields", in: "datas: x\nData: y\n data: z\nid2: x\n\ndata: x\n\n", want: []Event{{"", "message", "x"}}},
	{name: "without data nothing happens", in: "event: news\n\ndata: x\n\n", want: []Event{{"", "message", "x"}}},
	{name: "the id stays", in: "id: 1\ndata: a\n\ndata: b\n\n", want: []Event{{"1", "message", "a"}, {"1", "message", "b"}}, lastID: "1"},
	{name: "the id of an event without data", in: "id: 7\n\n", lastID: "7"},
	{name: "the id is emptied", in: "id: 1\ndata: a\n\nid\ndata: b\n\n", want: []Event{{"1", "message", "a"}, {"", "message", "b"}}},
	{name: "an id with NUL is ignored", in: "id: 1\ndata: a\n\nid: 2\x00\ndata: b\n\n", want: []Event{{"1", "message", "a"}, {"1", "message", "b"}}, lastID: "1"},
	{name: "cut off", in: "id: 1\ndata: a\n\nid: 2\nevent: x\ndata: b\n", want: []Event{{"1", "message", "a"}}, lastID: "1"},
	{name: "cut off in a line", in: "data: a\n\ndata: b", want: []Event{{"", "message", "a"}}},
	{name: "CR", in: "data: a\rdata: b\r\rdata: c\r\r", want: []Event{{"", "message", "a\nb"}, {"", "message", "c"}}},
	{name: "CRLF", in: "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", want: []Event{{"", "message", "a\nb"}, {"", "message", "c"}}},
	{name: "all line ends", in: "data: a\rdata: b\ndata: c\r\n\ndata: d\n\r\ndata: e\r\r\n", want: []Event{{"", "message", "a\nb\nc"}, {"", "message", "d"}, {"", "message", "e"}}},
	{name: "byte order mark", in: "\ufeffdata: a\n\n\ufeffdata: b\n\ndata: \ufeffc\n\n", want: []Event{{"", "message", "a"}, {"", "message", "\ufeffc"}}},
	{name: "two byte order marks", in: "\ufeff\ufeffdata: a\n\ndata: b\n\n", want: []Event{{"", "message", "b"}}},
	{name: "byte order mark alone", in: "\ufeff\ndata: b\n\n", want: []Event{{"", "message", "b"}}},
	{name: "retry without an event", in: "retry: 70\n", retry: 70 * time.Millisecond},
	{name: "retry that is no number", in: "retry: 10\nretry: 1e3\nretry: -1\nretry: +1\nretry: 1 \nretry:\nretry: ٣\n\n", retry: 10 * time.Millisecond},
	{name: "endless retry", in: "retry: 99999999999999999999999\n\n", retry: maxRetry},
	{name: "long retry", in: "retry: 9223372036854775807\n\n", retry: maxRetry},
	{name: "retry in a line that is cut off", in: "retry: 7"},
	{name: "not UTF-8", in: "data: \xff\xfe\n\n", want: []Event{{"", "message", "\ufffd\ufffd"}}},
	{
		name: "characters that are cut off", in: "id: \xe2\x82\nevent: \xf0\x9f\x98\ndata: a\xe2\x82\ndata: \xacb\n\n",
		want: []Event{{"\ufffd", "\ufffd", "a\ufffd\n\ufffdb"}}, lastID: "\ufffd",
	},
}

func TestReader(t *testing.T) {
	for _, test := range streams {
		t.Run(test.name, func(t *testing.T) {
			check := func(how string, r io.Reader) {
				t.Helper()
				events, er := readEvents(t, r, "")
				if !slices.Equal(events, test.want) {
					t.Errorf("%s: got %q, want %q", how, events, test.want)
				}
				if er.LastID() != test.lastID {
					t.Errorf("%s: last id %q, want %q", how, er.LastID(), test.lastID)
				}
				if retry, _ := er.Retry(); retry != test.retry {
					t.Errorf("%s: retry %v, want %v", how, retry, test.retry)
				}
			}
			check("whole", strings.NewReader(test.in))
			check("byte by byte", iotest.OneByteReader(strings.NewReader(test.in)))
			check("with the end", iotest.DataErrReader(strings.NewReader(test.in)))
			for i := range test.in {
				check("cut", io.MultiReader(strings.NewReader(test.in[:i]), strings.NewReader(test.in[i:])))
			}
		})
	}
}

func TestReaderContinues(t *testing.T) {
	events, er := readEvents(t, strings.NewReader("data: a\n\nid: 6\ndata: cut"), "5")
	if want := []Event{{"5", "message", "a"}}; !slices.Equal(events, want) {
		t.Errorf("got %q, want %q", events, want)
	}
	if er.LastID() != "5" {
		t.Errorf("last id %q: the event with 6 was never complete", er.LastID())
	}
	if _, asked := er.Retry(); asked {
		t.Error("nobody asked for a retry")
	}
}

func TestReaderDoesNotWaitForMore(t *testing.T) {
	for _, end := range []string{"\n\n", "\r\r", "\r\n\r", "\r\n\r\n"} {
		r, w := io.Pipe()
		go func() { _, _ = io.WriteString(w, "data: now"+end) }()
		ev, err := NewReader(r, "", 100).Next()
		if err != nil || ev.Data != "now" {
			t.Errorf("after %q: %q, %v", end, ev, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestReaderIsBounded(t *testing.T) {
	for name, in := range map[string]string{
		"one line":   "data: " + strings.Repeat("x", 200) + "\n\n",
		"many lines": strings.Repeat("data: x\n", 100) + "\n",
		"a comment":  ":" + strings.Repeat("x", 200),
	} {
		if _, err := NewReader(strings.NewReader(in), "", 100).Next(); !errors.Is(err, ErrEventTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	many := strings.Repeat("data: "+strings.Repeat("x", 80)+"\n\n", 10)
	er := NewReader(strings.NewReader(many), "", 100)
	for range 10 {
		if _, err := er.Next(); err != nil {
			t.Fatalf("an event within the bound: %v", err)
		}
	}
}

func TestReaderReportsABrokenStream(t *testing.T) {
	er := NewReader(io.MultiReader(strings.NewReader("data: a\n\n"), iotest.ErrReader(errBroken)), "", 100)
	if _, err := er.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := er.Next(); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

// interpret is the standard's algorithm on a whole stream, written without looking at [Reader].
func interpret(stream string) (events []Event, lastID string) {
	stream = strings.TrimPrefix(decodeUTF8([]byte(stream)), "\ufeff")
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(stream), "\n")
	var data []string
	kind, id := "", ""
	for _, line := range lines[:len(lines)-1] {
		if line == "" {
			lastID = id
			if data != nil {
				if kind == "" {
					kind = "message"
				}
				events = append(events, Event{lastID, kind, strings.Join(data, "\n")})
			}
			data, kind = nil, ""
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case name == "data":
			data = append(data, value)
		case name == "event":
			kind = value
		case name == "id" && !strings.Contains(value, "\x00"):
			id = value
		}
	}
	return events, lastID
}

func FuzzReader(f *testing.F) {
	for _, s := range streams {
		f.Add(s.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		want, wantID := interpret(in)
		for _, r := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
			got, er := readEvents(t, r, "")
			if !slices.Equal(got, want) || er.LastID() != wantID {
				t.Fatalf("%q\n got %q, last id %q\nwant %q, last id %q", in, got, er.LastID(), want, wantID)
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	stream := strings.Repeat("id: k3f9-120934\ndata: {\"room\":\"room624\",\"text\":\"a message of the usual length\"}\n\n", 1000)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		er := NewReader(strings.NewReader(stream), "", 1<<20)
		for range 1000 {
			if _, err := er.Next(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
