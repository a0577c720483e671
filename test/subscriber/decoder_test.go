package subscriber

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestDecoder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, stream string
		want         []Event
		lastID       string
		retry        time.Duration
		comments     int
	}{
		{name: "nothing"},
		{
			name: "first frame has no event", stream: "retry: 2000\nid: e-5\n\n",
			lastID: "e-5", retry: 2 * time.Second,
		},
		{
			name: "an event", stream: "id: e-6\ndata: hello\n\n",
			want: []Event{{"e-6", "message", "hello"}}, lastID: "e-6",
		},
		{
			name: "named, several lines, one space is cut", stream: "event:note\ndata:  a\ndata:\ndata: b\n\n",
			want: []Event{{"", "note", " a\n\nb"}},
		},
		{name: "empty data is an event", stream: "data:\n\n", want: []Event{{"", "message", ""}}},
		{
			name: "the id stays", stream: "id: e-1\ndata: a\n\ndata: b\n\n",
			want: []Event{{"e-1", "message", "a"}, {"e-1", "message", "b"}}, lastID: "e-1",
		},
		{name: "comments", stream: ":\n\n: words\n\n", comments: 2},
		{name: "CRLF", stream: "data: a\r\n\r\n", want: []Event{{"", "message", "a"}}},
		{name: "an unfinished event is discarded", stream: "id: e-2\ndata: a\n"},
		{name: "an unfinished line is discarded", stream: "data: a\n\ndata: b", want: []Event{{"", "message", "a"}}},
		{name: "NUL in an id", stream: "id: a\x00b\ndata: x\n\n", want: []Event{{"", "message", "x"}}},
		{name: "retry must be digits", stream: "retry: 2s\n\nretry: +3\n\n"},
		{name: "unknown fields", stream: "foo: bar\ndata: x\nfoo\n\n", want: []Event{{"", "message", "x"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(tt.stream), iotest.OneByteReader(strings.NewReader(tt.stream))} {
				d := NewDecoder(r, "")
				var got []Event
				for {
					e, err := d.Next()
					if errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						t.Fatal(err)
					}
					got = append(got, e)
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("events %q, want %q", got, tt.want)
				}
				if d.LastEventID() != tt.lastID || d.Retry() != tt.retry || d.Comments() != tt.comments {
					t.Errorf("last id %q, retry %s, %d comments; want %q, %s, %d",
						d.LastEventID(), d.Retry(), d.Comments(), tt.lastID, tt.retry, tt.comments)
				}
			}
		})
	}
}

func TestDecoderRefusesBareCR(t *testing.T) {
	t.Parallel()
	if _, err := NewDecoder(strings.NewReader("data: a\rid: forged\n\n"), "").Next(); !errors.Is(err, errBareCR) {
		t.Errorf("error %v, want %v", err, errBareCR)
	}
}
