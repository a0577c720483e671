package sse

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestFrame(t *testing.T) {
	id := ID{Epoch: "k3", Seq: 7}
	tests := []struct {
		name  string
		event Event
		want  string
	}{
		{"plain", Event{Data: "hello"}, "id: k3-7\ndata: hello\n\n"},
		{"empty data", Event{}, "id: k3-7\ndata: \n\n"},
		{"named", Event{Name: "price", Data: "1"}, "id: k3-7\nevent: price\ndata: 1\n\n"},
		{"retry", Event{Data: "1", Retry: 1500 * time.Millisecond}, "id: k3-7\nretry: 1500\ndata: 1\n\n"},
		{"retry is rounded up", Event{Data: "1", Retry: time.Microsecond}, "id: k3-7\nretry: 1\ndata: 1\n\n"},
		{"LF", Event{Data: "a\nb"}, "id: k3-7\ndata: a\ndata: b\n\n"},
		{"CR", Event{Data: "a\rb"}, "id: k3-7\ndata: a\ndata: b\n\n"},
		{"CRLF", Event{Data: "a\r\nb"}, "id: k3-7\ndata: a\ndata: b\n\n"},
		{"LF CR is two", Event{Data: "a\n\rb"}, "id: k3-7\ndata: a\ndata: \ndata: b\n\n"},
		{"mixed at the end", Event{Data: "a\nb\r"}, "id: k3-7\ndata: a\ndata: b\ndata: \n\n"},
		{"only a break", Event{Data: "\r\n"}, "id: k3-7\ndata: \ndata: \n\n"},
		{"forged fields", Event{Data: "x\n\nid: 9\nevent: y"}, "id: k3-7\ndata: x\ndata: \ndata: id: 9\ndata: event: y\n\n"},
		{"NUL", Event{Data: "\x00"}, "id: k3-7\ndata: \x00\n\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := encode(t, tt.event, id)
			if got := string(f.Bytes()); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			if f.Seq() != 7 || f.Len() != len(tt.want) {
				t.Errorf("Seq() = %d, Len() = %d, want 7, %d", f.Seq(), f.Len(), len(tt.want))
			}
		})
	}
}

func TestFrameHoldsLittleUnusedMemory(t *testing.T) {
	for _, data := range []string{"", "x", "a\r\nb\nc\rd", strings.Repeat("line\r\n", 1000)} {
		for _, e := range []Event{{Data: data}, {Name: "n", Data: data, Retry: time.Hour}} {
			f := encode(t, e, ID{Epoch: "abcdefgh", Seq: 1})
			if spare := cap(f.Bytes()) - f.Len(); spare != 0 {
				t.Errorf("%d bytes behind the frame of %q are unused", spare, data)
			}
		}
	}
}

func TestLongestIDFitsTheHeadroom(t *testing.T) {
	id := ID{Epoch: strings.Repeat("z", MaxEpoch), Seq: math.MaxUint64}
	f := encode(t, Event{Data: "x"}, id)
	if want := "id: zzzzzzzzzzzzzzzz-18446744073709551615\ndata: x\n\n"; string(f.Bytes()) != want {
		t.Errorf("got %q, want %q", f.Bytes(), want)
	}
}

func TestDraftIsUsedOnce(t *testing.T) {
	d, err := NewDraft(Event{Data: "x"})
	if err != nil {
		t.Fatal(err)
	}
	d.Frame(ID{Epoch: "e", Seq: 1})
	defer func() {
		if recover() == nil {
			t.Error("the second Frame of a draft did not panic: it would change the first one")
		}
	}()
	d.Frame(ID{Epoch: "e", Seq: 2})
}

func TestFrameDoesNotAllocate(t *testing.T) {
	drafts := make([]Draft, 101)
	for i := range drafts {
		drafts[i], _ = NewDraft(Event{Data: "hello"})
	}
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		drafts[i].Frame(ID{Epoch: "epoch", Seq: uint64(i)})
		i++
	}); n != 0 {
		t.Errorf("Draft.Frame allocates %v times", n)
	}
}

func encode(t testing.TB, e Event, id ID) *Frame {
	t.Helper()
	d, err := NewDraft(e)
	if err != nil {
		t.Fatalf("NewDraft(%+v): %v", e, err)
	}
	return d.Frame(id)
}

// FuzzEncode puts an event between two others and reads the stream like a browser: the three must
// arrive as they were meant, whatever the event holds.
func FuzzEncode(f *testing.F) {
	f.Add("", "hello", int64(0), uint64(1))
	f.Add("name", "a\r\nb\rc\n", int64(1500), uint64(math.MaxUint64))
	f.Add("\uFEFFdata", "\uFEFFid: 1\n\n: x", int64(-1), uint64(0))
	f.Add(" : ", "\x00\xff\xe2\x82\n\xac\u2028", int64(1), uint64(10))
	f.Fuzz(func(t *testing.T, name, data string, retry int64, seq uint64) {
		event := Event{Name: name, Data: data, Retry: time.Duration(retry)}
		draft, err := NewDraft(event)
		if err != nil {
			return
		}
		id, before := ID{Epoch: "e9", Seq: seq}, ID{Epoch: "e9", Seq: 3}
		stream := Preface(2*time.Second, before)
		stream = append(stream, encode(t, Event{Data: "first"}, ID{Epoch: "e9", Seq: 4}).Bytes()...)
		stream = append(stream, draft.Frame(id).Bytes()...)
		stream = append(stream, encode(t, Event{Name: "n", Data: "last"}, ID{Epoch: "e9", Seq: 5}).Bytes()...)

		want := decoded{
			Events: []received{
				{"message", "first", "e9-4"},
				{decodeUTF8([]byte(name)), asReceived(data), id.String()},
				{"n", "last", "e9-5"},
			},
			LastEventID: "e9-5",
			Retry:       []int{2000},
		}
		if name == "" {
			want.Events[1].Type = "message"
		}
		if retry > 0 {
			want.Retry = append(want.Retry, int(math.Ceil(float64(retry)/1e6)))
		}
		if got := decode(stream); !reflect.DeepEqual(got, want) {
			t.Errorf("stream %q\n got %+v\nwant %+v", stream, got, want)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, tt := range []struct{ name, data string }{
		{"100B", strings.Repeat("x", 100)},
		{"64KiB", strings.Repeat("x", 64<<10)},
		{"64KiB in lines", strings.Repeat("0123456789abcde\n", 4<<10)},
		{"64KiB in CRLF lines", strings.Repeat("0123456789abcd\r\n", 4<<10)},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(tt.data)))
			for b.Loop() {
				encode(b, Event{Data: tt.data}, ID{Epoch: "abcdefgh", Seq: 123456})
			}
		})
	}
}
