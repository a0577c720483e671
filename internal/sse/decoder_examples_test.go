package sse

import (
	"reflect"
	"testing"
)

// TestDecode holds the decoder of the tests against the examples of the HTML standard.
func TestDecode(t *testing.T) {
	tests := []struct {
		name, stream string
		want         decoded
	}{
		{"stock ticker", "data: YHOO\ndata: +2\ndata: 10\n\n", decoded{Events: []received{{"message", "YHOO\n+2\n10", ""}}}},
		{
			"four blocks", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
			decoded{Events: []received{{"message", "first event", "1"}, {"message", "second event", ""}, {"message", " third event", ""}}},
		},
		{"empty data", "data\n\ndata\ndata\n\ndata:", decoded{Events: []received{{"message", "", ""}, {"message", "\n", ""}}}},
		{"space after colon", "data:test\n\ndata: test\n\n", decoded{Events: []received{{"message", "test", ""}, {"message", "test", ""}}}},
		{"byte order mark", "\xef\xbb\xbfdata: x\n\n", decoded{Events: []received{{"message", "x", ""}}}},
		{"line ends", "data: a\rdata: b\r\ndata: c\n\r\n", decoded{Events: []received{{"message", "a\nb\nc", ""}}}},
		{"NUL in id", "id: 1\n\nid: a\x00\ndata: x\n\n", decoded{Events: []received{{"message", "x", "1"}}, LastEventID: "1"}},
		{"retry", "retry: 10\nretry: +5\nretry: x\n\n", decoded{Retry: []int{10}}},
		{"type is reset", "event: a\n\ndata: x\n\n", decoded{Events: []received{{"message", "x", ""}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := decode([]byte(tt.stream)); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("decode(%q)\n got %+v\nwant %+v", tt.stream, got, tt.want)
			}
		})
	}
}
