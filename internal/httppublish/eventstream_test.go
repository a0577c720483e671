package httppublish

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/sse"
)

// lines yields the complete lines of a text, which end in CR, LF or CRLF.
func lines(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			end := strings.IndexAny(text, "\r\n")
			if end < 0 {
				return
			}
			line := text[:end]
			if strings.HasPrefix(text[end:], "\r\n") {
				end++
			}
			text = text[end+1:]
			if !yield(line) {
				return
			}
		}
	}
}

// field splits a line into name and value.
func field(line string) (name, value string) {
	name, value, _ = strings.Cut(line, ":")
	return name, strings.TrimPrefix(value, " ")
}

// interpret is the standard's own description, on the whole stream at a time.
func interpret(stream string) (events []sse.Event) {
	var data, event string
	for line := range lines(strings.TrimPrefix(stream, "\xEF\xBB\xBF")) {
		if line == "" {
			if data != "" {
				events = append(events, sse.Event{Name: event, Data: strings.TrimSuffix(data, "\n")})
			}
			data, event = "", ""
			continue
		}
		switch name, value := field(line); name {
		case "data":
			data += value + "\n"
		case "event":
			event = value
		}
	}
	return events
}

// parse feeds the pieces to a parser.
func parse(limit int, pieces ...string) (events []sse.Event, err *failure) {
	s := &streamParser{limit: limit, grown: func(int) bool { return true }}
	for _, p := range pieces {
		if err = s.feed([]byte(p), func(e sse.Event) *failure { events = append(events, e); return nil }); err != nil {
			return events, err
		}
	}
	return events, nil
}

var streams = []struct {
	name, stream string
	want         []sse.Event
}{
	{"one event", "data: a\n\n", []sse.Event{{Data: "a"}}},
	{"an event without its blank line is none", "data: a\n", nil},
	{"lines that end in CR", "data: a\r\rdata: b\r\r", []sse.Event{{Data: "a"}, {Data: "b"}}},
	{"lines that end in CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", []sse.Event{{Data: "a"}, {Data: "b"}}},
	{"all three mixed", "data: a\rdata: b\ndata: c\r\n\n", []sse.Event{{Data: "a\nb\nc"}}},
	{"several lines of data", "data: a\ndata:  b\ndata:c\n\n", []sse.Event{{Data: "a\n b\nc"}}},
	{"empty data", "data:\n\ndata\n\ndata\ndata\n\n", []sse.Event{{}, {}, {Data: "\n"}}},
	{"a name", "event: x\ndata: a\n\ndata: b\n\n", []sse.Event{{Name: "x", Data: "a"}, {Data: "b"}}},
	{"a name without data is no event", "event: x\n\ndata: b\n\n", []sse.Event{{Data: "b"}}},
	{"the last name counts", "event: x\nevent: y\ndata: a\n\n", []sse.Event{{Name: "y", Data: "a"}}},
	{"id and retry are dropped", "id: 7\nretry: 5\ndata: a\n\n", []sse.Event{{Data: "a"}}},
	{"comments", ": hello\n:\n: data: no\n\ndata: a\n: data: b\n\n", []sse.Event{{Data: "a"}}},
	{"unknown fields", "datum: a\ndat: b\nData: c\n data: d\n\ndata: e\n\n", []sse.Event{{Data: "e"}}},
	{"a byte order mark", "\xEF\xBB\xBFdata: a\n\n\xEF\xBB\xBFdata: b\n\n", []sse.Event{{Data: "a"}}},
	{"half a byte order mark", "\xEF\xBBdata: a\n\ndata: b\n\n", []sse.Event{{Data: "b"}}},
	{"colons in the value", "data::a: b\n\n", []sse.Event{{Data: ":a: b"}}},
	{"what a language model sends", "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n", []sse.Event{
		{Data: `{"choices":[{"delta":{"content":"Hi"}}]}`}, {Data: "[DONE]"},
	}},
	{"NUL and other bytes", "data: \x00\xff\n\n", []sse.Event{{Data: "\x00\xff"}}},
}

func TestEventStream(t *testing.T) {
	t.Parallel()
	for _, tt := range streams {
		if got := interpret(tt.stream); !slices.Equal(got, tt.want) {
			t.Fatalf("%s: the test's own reading is %q, want %q", tt.name, got, tt.want)
		}
		if got, err := parse(100, tt.stream); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, %v; want %q", tt.name, got, err, tt.want)
		}
		if got, err := parse(100, strings.Split(tt.stream, "")...); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s, byte by byte: got %q, %v; want %q", tt.name, got, err, tt.want)
		}
		for cut := range tt.stream {
			if got, err := parse(100, tt.stream[:cut], tt.stream[cut:]); err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("%s, cut at %d: got %q, %v; want %q", tt.name, cut, got, err, tt.want)
			}
		}
	}
}

func TestAnEventComesWithItsBlankLine(t *testing.T) {
	t.Parallel()
	s := &streamParser{limit: 100, grown: func(int) bool { return true }}
	n := 0
	emit := func(sse.Event) *failure { n++; return nil }
	for i, piece := range []string{"data: a\n", "\n", "data: b\r\n", "\r"} {
		if err := s.feed([]byte(piece), emit); err != nil || n != (i+1)/2 {
			t.Errorf("after piece %d there were %d events, %v; want %d", i, n, err, (i+1)/2)
		}
	}
}

func TestAnEventHasABound(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("x", 10)
	for _, tt := range []struct {
		name, stream string
		isRefused    bool
	}{
		{"as long as may be", "data: " + full + "\n\n", false},
		{"in lines", "data: xxxxx\ndata: xxxx\n\n", false},
		{"too long", "data: x" + full + "\n\n", true},
		{"too long in lines", "data: xxxxx\ndata: xxxxx\n\n", true},
		{"too many empty lines", strings.Repeat("data\n", 12) + "\n", true},
		{"long comments", ":" + strings.Repeat("x", 10_000) + "\ndata: a\n\n", false},
		{"long names of fields", strings.Repeat("data", 10_000) + "\ndata: a\n\n", false},
		{"many events", strings.Repeat("data: "+full+"\n\n", 100), false},
	} {
		for _, pieces := range [][]string{{tt.stream}, strings.Split(tt.stream, "")} {
			_, err := parse(10, pieces...)
			if (err != nil) != tt.isRefused || err != nil && err.code != CodeTooLarge {
				t.Errorf("%s: got %v, refused: %t", tt.name, err, tt.isRefused)
			}
		}
	}
}

func TestTheParserHoldsWhatItReports(t *testing.T) {
	t.Parallel()
	held, most := 0, 0
	s := &streamParser{limit: 1 << 20, grown: func(n int) bool {
		held += n
		most = max(most, held)
		return held <= 256<<10
	}}
	drop := func(sse.Event) *failure { return nil }
	long := strings.Repeat("x", 100<<10)
	for range 20 {
		if err := s.feed([]byte("event: "+long+"\ndata: "+long+"\n\n"), drop); err != nil {
			t.Fatal(err)
		}
	}
	if held > keptData || most < 100<<10 {
		t.Errorf("it holds %d bytes between events, and held %d", held, most)
	}
	if err := s.feed([]byte("data: "+strings.Repeat(long, 5)), drop); err == nil || err.code != CodeOverloaded {
		t.Errorf("without memory: %v", err)
	}
}

func FuzzEventStream(f *testing.F) {
	for _, tt := range streams {
		f.Add(tt.stream, 3)
	}
	f.Fuzz(func(t *testing.T, stream string, size int) {
		size = max(1, size%64)
		var pieces []string
		for rest := stream; rest != ""; {
			n := min(size, len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		got, err := parse(1<<20, pieces...)
		want := interpret(stream)
		for i := range want { // a longer name is cut, and refused when it is published
			want[i].Name = want[i].Name[:min(len(want[i].Name), sse.MaxName+1)]
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	})
}
