package sse

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestControlFrames(t *testing.T) {
	id := ID{"e", 5}
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"preface", Preface(2*time.Second, id), "retry: 2000\nid: e-5\n\n"},
		{"preface that asks for no wait", Preface(0, id), "retry: 0\nid: e-5\n\n"},
		{"last frame", LastFrame(1234 * time.Millisecond), "retry: 1234\n\n"},
		{"comment", Comment().Bytes(), ":\n\n"},
		{"heartbeat", Heartbeat("ping").Bytes(), "event: ping\ndata:\n\n"},
		{"heartbeat without name", Heartbeat("").Bytes(), ":\n\n"},
		{"heartbeat with a name that forges", Heartbeat("a\ndata: b").Bytes(), ":\n\n"},
		{"gap", Gap("e-2", id).Bytes(), "id: e-5\nevent: hasses.gap\ndata: {\"last_event_id\":\"e-2\",\"resumed_at\":\"e-5\"}\n\n"},
	}
	for _, tt := range tests {
		if string(tt.got) != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	for _, f := range []*Frame{Comment(), Heartbeat("ping"), Gap("", id)} {
		if f.Seq() != 0 {
			t.Errorf("control frame %q has the number %d of an event", f.Bytes(), f.Seq())
		}
	}
}

func TestPrefaceSetsTheLastEventID(t *testing.T) {
	got := decode(Preface(time.Second, ID{"e", 5}))
	if want := (decoded{LastEventID: "e-5", Retry: []int{1000}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestGapRepeatsAStrangersID(t *testing.T) {
	long := strings.Repeat("x", 126)
	tests := []struct{ name, in, want string }{
		{"line breaks", "a\r\ndata: x\n\n", "a\r\ndata: x\n\n"},
		{"quotes", `"}\`, `"}\`},
		{"NUL and markup", "\x00<script>", "\x00<script>"},
		{"not UTF-8", "a\xffb", "a?b"},
		{"exactly fits", long + "é", long + "é"},
		{"cut inside a character", long + "x" + "é", long + "x"},
		{"cut inside a long character", long + "😀", long},
		{"cut before a character", long + "xx" + "é", long + "xx"},
		{"much too long", strings.Repeat("y", 1<<20), strings.Repeat("y", maxGapID)},
		{"broken and too long", strings.Repeat("\xff\xc3", 1<<10), "?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			last := gapID(t, tt.in)
			if tt.name == "broken and too long" {
				tt.want = last // only the bound counts
			}
			if last != tt.want {
				t.Errorf("last_event_id = %q, want %q", last, tt.want)
			}
		})
	}
}

func FuzzGap(f *testing.F) {
	f.Add("e-1")
	f.Add(strings.Repeat("\xf0\x9f\x98\x80", 40))
	f.Add(strings.Repeat("\x80", 200))
	f.Fuzz(func(t *testing.T, last string) {
		got := gapID(t, last)
		if len(last) <= maxGapID && utf8.ValidString(last) && got != last {
			t.Errorf("gap repeats %q as %q", last, got)
		}
	})
}

// gapID reads a gap like a browser, checks it and returns its last_event_id.
func gapID(t *testing.T, last string) string {
	t.Helper()
	got := decode(Gap(last, ID{"e", 5}).Bytes())
	if len(got.Events) != 1 || got.Events[0].Type != GapEvent || got.Events[0].LastEventID != "e-5" {
		t.Fatalf("gap arrives as %+v", got)
	}
	var data map[string]string
	if err := json.Unmarshal([]byte(got.Events[0].Data), &data); err != nil {
		t.Fatalf("data of the gap: %v", err)
	}
	if data["resumed_at"] != "e-5" || len(data) != 2 {
		t.Errorf("data of the gap: %v", data)
	}
	if id := data["last_event_id"]; len(id) > maxGapID || !utf8.ValidString(id) {
		t.Errorf("last_event_id %q has %d bytes, or is not UTF-8", id, len(id))
	}
	return data["last_event_id"]
}

func TestGapHasNoEscapesForHTML(t *testing.T) {
	if got := string(Gap("a&b<c>", ID{Epoch: "e", Seq: 1}).Bytes()); !strings.Contains(got, `"last_event_id":"a&b<c>"`) {
		t.Errorf("got %q", got)
	}
}
