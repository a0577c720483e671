package sse

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestAnEventIsRestoredAsItWas(t *testing.T) {
	for _, e := range []Event{
		{},
		{Data: "hello"},
		{Name: "price", Data: "a\nb\r\nc\rd", Retry: 1500 * time.Millisecond},
		{Data: "x\n\nid: 9\nevent: y\ndata: z"},
		{Data: "\x00\xff\n"},
		{Data: strings.Repeat("\n", 1000)},
	} {
		id := ID{Epoch: "k3", Seq: 1 << 40}
		was := encode(t, e, id)
		got, err := Restore(id, was.Body())
		if err != nil {
			t.Errorf("%+v: %v", e, err)
			continue
		}
		if !bytes.Equal(got.Bytes(), was.Bytes()) || got.Seq() != was.Seq() {
			t.Errorf("restored %q, number %d; was %q, number %d", got.Bytes(), got.Seq(), was.Bytes(), was.Seq())
		}
		if spare := cap(got.Bytes()) - got.Len(); spare > 16 {
			t.Errorf("%d bytes behind the frame are unused", spare)
		}
	}
}

func TestWhatIsNoEventIsNotRestored(t *testing.T) {
	id := ID{Epoch: "k3", Seq: 7}
	for _, body := range []string{
		"",
		"\n",
		"data: a",
		"data: a\n",
		"data: a\n\ndata: b\n\n",
		"data: a\r\n\n",
		"data:a\n\n",
		"id: k3-9\ndata: a\n\n",
		"event: \ndata: a\n\n",
		"event: a\n\n",
		"event: \xff\ndata: a\n\n",
		"event: a\nevent: b\ndata: c\n\n",
		"retry: soon\ndata: a\n\n",
		"retry: \ndata: a\n\n",
		"data: a\nevent: b\n\n",
		": comment\ndata: a\n\n",
		"data: a\n\n\n",
	} {
		if f, err := Restore(id, []byte(body)); err == nil {
			t.Errorf("%q was restored as %q", body, f.Bytes())
		}
	}
	for _, id := range []ID{{}, {Epoch: "k3"}, {Seq: 1}, {Epoch: "K3", Seq: 1}} {
		if _, err := Restore(id, []byte("data: a\n\n")); err == nil {
			t.Errorf("an event was restored under the id %q", id)
		}
	}
	if _, err := Restore(id, make([]byte, MaxBody+1)); err == nil {
		t.Error("a body without a bound was restored")
	}
}

func TestTheLongestEventCanBeRestored(t *testing.T) {
	f := encode(t, Event{Name: strings.Repeat("n", MaxName), Retry: MaxRetry, Data: strings.Repeat("\n", 1<<20)}, ID{Epoch: "e", Seq: 1})
	if want := 16 * f.Len(); MaxBody < want-(4<<10) || MaxBody > want+(64<<10) {
		t.Errorf("MaxBody is %d, sixteen times the longest event of 1 MiB are %d", MaxBody, want)
	}
}

// FuzzRestore feeds anything: what is restored is one event and nothing else to a browser, under
// the id it was given.
func FuzzRestore(f *testing.F) {
	f.Add([]byte("data: a\n\n"))
	f.Add([]byte("event: n\nretry: 5\ndata: a\ndata: \n\n"))
	f.Add([]byte("data: a\n\ndata: b\n\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		frame, err := Restore(ID{Epoch: "e", Seq: 5}, body)
		if err != nil {
			return
		}
		got := decode(frame.Bytes())
		if len(got.Events) != 1 || got.LastEventID != "e-5" || got.Events[0].LastEventID != "e-5" {
			t.Errorf("%q was restored and reads as %+v", body, got)
		}
		if !bytes.Equal(frame.Body(), body) {
			t.Errorf("body %q, want %q", frame.Body(), body)
		}
	})
}
