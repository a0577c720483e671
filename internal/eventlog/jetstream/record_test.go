package jetstream

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

func someMessage(t testing.TB) *message {
	t.Helper()
	d, err := sse.NewDraft(sse.Event{Name: "n", Data: "one\ntwo"})
	if err != nil {
		t.Fatal(err)
	}
	return &message{
		epoch: "e1", at: time.Unix(5, 6), to: []names.Target{{Kind: names.Room, Name: "a-b"}, {Kind: names.Prefix, Name: "c"}, names.Everything},
		except: "x", body: d.Body(), after: 7,
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	m := someMessage(t)
	got, err := decodeMessage(m.encode())
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, m)
	}
	e := &epochRecord{epoch: "e1", since: 3, created: 4}
	if got, err := decodeEpoch(e.encode()); err != nil || *got != *e {
		t.Errorf("got %+v, %v", got, err)
	}
	k := &kickRecord{epoch: "e1", at: time.Unix(5, 6), kick: Kick{ID: "x", Refuse: time.Minute}, after: 9}
	if got, err := decodeKick(k.encode()); err != nil || !reflect.DeepEqual(got, k) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A newer release may add elements at the end; what must be understood is another version.
func TestRecordsOfAnotherRelease(t *testing.T) {
	t.Parallel()
	m := someMessage(t)
	added := encode(m.epoch, m.at.UnixNano(), []string{"a"}, "", m.body, m.after, "something new", 5)
	if got, err := decodeMessage(added); err != nil || got.after != 7 {
		t.Errorf("with added elements: %+v, %v", got, err)
	}
	newer := bytes.Clone(m.encode())
	newer[1] = recordVersion + 1 // a small number is one byte
	if _, err := decodeMessage(newer); !errors.Is(err, errNewer) {
		t.Errorf("of a newer version: %v", err)
	}
}

// A client that may write to the log is trusted no more than a publisher.
func TestT48RecordsThatAreNone(t *testing.T) {
	t.Parallel()
	good := someMessage(t)
	changed := func(change func(m *message)) []byte {
		m := *good
		change(&m)
		return m.encode()
	}
	for name, data := range map[string][]byte{
		"nothing":            nil,
		"no CBOR":            []byte("hello"),
		"no array":           {0x01},
		"an empty array":     {0x80},
		"too few elements":   encode("e1", 1),
		"a number for texts": encode("e1", 1, 2, "", good.body, 7),
		"no epoch":           changed(func(m *message) { m.epoch = "" }),
		"a bad epoch":        changed(func(m *message) { m.epoch = "E\n" }),
		"a bad room":         encode("e1", 1, []string{"a\nid: 7"}, "", good.body, 7),
		"no room":            encode("e1", 1, []string{""}, "", good.body, 7),
		"rest behind it":     append(good.encode(), 0),
	} {
		if m, err := decodeMessage(data); err == nil {
			t.Errorf("%s is a message: %+v", name, m)
		}
	}
	for name, m := range map[string][]byte{
		"no target":            changed(func(m *message) { m.to = nil }),
		"a forged field":       changed(func(m *message) { m.body = []byte("id: 9\ndata: x\n\n") }),
		"two events":           changed(func(m *message) { m.body = []byte("data: x\n\ndata: y\n\n") }),
		"an event without end": changed(func(m *message) { m.body = []byte("data: x\n") }),
		"a bad except":         changed(func(m *message) { m.except = "\n" }),
	} {
		read, err := decodeMessage(m)
		if err != nil {
			continue
		}
		if _, err := read.record(5, time.Now(), nil); err == nil {
			t.Errorf("%s is delivered", name)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(someMessage(f).encode())
	f.Add((&epochRecord{epoch: "e1", since: 3, created: 4}).encode())
	f.Add((&kickRecord{epoch: "e1", kick: Kick{All: true}}).encode())
	f.Add([]byte{0x87, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, k := range []kind{kindMessage, kindEpoch, kindKick, "other"} {
			r := readRecord(k, "id", data)
			if !r.entry.readable && r.fault == nil {
				t.Fatal("not readable, without a reason")
			}
			if r.message == nil || r.fault != nil {
				continue
			}
			record, err := r.message.record(5, time.Unix(1, 0), nil)
			if err != nil {
				continue
			}
			if bytes.Count(record.Frame.Bytes(), []byte("\n\n")) != 1 || len(record.To) == 0 || len(record.To) > eventlog.MaxTargets {
				t.Fatalf("a record of %q to %v", record.Frame.Bytes(), record.To)
			}
		}
	})
}
