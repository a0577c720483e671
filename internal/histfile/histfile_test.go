package histfile

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/eventlog/memory"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// start is the time at which the tests begin.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

var keepAll = hub.HistoryLimits{Events: 1 << 20, Bytes: 1 << 30, Age: time.Hour}

// life is a hub with a history of a bit of everything, a message a second, and the time of its end.
func life(t testing.TB) (*hub.Hub, time.Time) {
	t.Helper()
	h := hub.New(hub.Options{Epoch: "k3x", History: keepAll})
	now := start
	for i, m := range []eventlog.Message{
		{To: []names.Target{{Kind: names.Room, Name: "red"}}, Event: sse.Event{Data: "1"}},
		{To: []names.Target{{Kind: names.Prefix, Name: "bl"}}, Except: "x", Event: sse.Event{Name: "n", Data: "2\n\r2"}},
		{To: []names.Target{names.Everything}, Event: sse.Event{Data: "\xff\x00", Retry: time.Second}},
		{To: []names.Target{{Kind: names.Room, Name: "größe"}, {Kind: names.Prefix, Name: "größe"}}, Event: sse.Event{}},
	} {
		if _, err := publish(h, now, m); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
		now = now.Add(time.Second)
	}
	return h, now
}

// publish appends a message to the log of h.
func publish(h *hub.Hub, now time.Time, m eventlog.Message) (*eventlog.Receipt, error) {
	log := memory.New(memory.Options{Last: h.LastID(), Now: func() time.Time { return now }})
	log.Follow(h)
	draft, err := eventlog.NewDraft(m)
	if err != nil {
		return nil, err
	}
	return log.Append(context.Background(), draft)
}

func written(t testing.TB, now time.Time, past eventlog.Checkpoint) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, now, past, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readAll reads a whole file into a new hub.
func readAll(file []byte, now time.Time, limits hub.HistoryLimits) (*hub.Hub, error) {
	r, err := NewReader(bytes.NewReader(file), now)
	if err != nil {
		return nil, err
	}
	h := hub.New(hub.Options{Epoch: r.Last.Epoch, Seq: r.First(), History: limits})
	for {
		k, err := r.Next()
		if errors.Is(err, io.EOF) {
			return h, nil
		}
		if err == nil {
			err = h.Restore(now, k)
		}
		if err != nil {
			if _, again := r.Next(); again == nil {
				return nil, errors.New("a reader went on after an error")
			}
			return nil, err
		}
	}
}

func TestAHistoryIsReadAsItWasWritten(t *testing.T) {
	h, now := life(t)
	past := h.Checkpoint(now)
	file := written(t, now, past)
	later := now.Add(30 * time.Second)
	again, err := readAll(file, later, keepAll)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Check(); err != nil {
		t.Error(err)
	}
	if got := again.LastID(); got != past.Last {
		t.Errorf("last id %s, want %s", got, past.Last)
	}
	var was, is []eventlog.HistoryEntry
	for k := range past.Entries {
		was = append(was, k)
	}
	for k := range again.Checkpoint(later).Entries {
		is = append(is, k)
	}
	if len(is) != 4 {
		t.Fatalf("%d events, want 4", len(is))
	}
	for i := range was {
		was[i].Age += 30 * time.Second
		if fmt.Sprintf("%+v", is[i]) != fmt.Sprintf("%+v", was[i]) {
			t.Errorf("event %d:\n got %+v\nwant %+v", i, is[i], was[i])
		}
	}
}

func TestNumbersWithGapsAreNotWritten(t *testing.T) {
	h := hub.New(hub.Options{Epoch: "k3x", History: keepAll})
	for _, seq := range []uint64{1, 3} {
		e := eventlog.HistoryEntry{Seq: seq, To: []names.Target{names.Everything}, Body: []byte("data: x\n\n")}
		if err := h.Restore(start, e); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(io.Discard, start, h.Checkpoint(start), nil); err == nil {
		t.Error("a history with a gap in its numbers was written, and would be read without")
	}
}

func TestAnEmptyHistoryKeepsTheLastID(t *testing.T) {
	h := hub.New(hub.Options{Epoch: "k3x", Seq: 41})
	again, err := readAll(written(t, start, h.Checkpoint(start)), start, keepAll)
	if err != nil || again.LastID() != h.LastID() {
		t.Errorf("%v, %v", again, err)
	}
}

// TestT24WallClockJumps restarts with a wall clock that says all sorts of things about how long it
// took.
func TestT24WallClockJumps(t *testing.T) {
	limits := hub.HistoryLimits{Events: 100, Bytes: 1 << 20, Age: time.Minute}
	for _, tt := range []struct {
		name   string
		away   time.Duration
		events int
		oldest time.Duration
	}{
		{"a second", time.Second, 4, 5 * time.Second},
		{"back a day", -24 * time.Hour, 4, 4 * time.Second},
		{"to the beginning of all time", -start.Sub(time.Unix(0, 0)), 4, 4 * time.Second},
		{"so long that half is too old", 58 * time.Second, 2, 60 * time.Second},
		{"ahead a year", 365 * 24 * time.Hour, 0, 0},
		{"ahead as far as there is time", 200 * 365 * 24 * time.Hour, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, now := life(t)
			last := h.LastID()
			file := written(t, now, h.Checkpoint(now))
			later := now.Add(tt.away)
			again, err := readAll(file, later, limits)
			if err != nil {
				t.Fatal(err)
			}
			st := again.Stats(later)
			if st.HistoryEvents != tt.events || st.HistoryOldest != tt.oldest {
				t.Errorf("%d events, the oldest of %s; want %d, %s", st.HistoryEvents, st.HistoryOldest, tt.events, tt.oldest)
			}
			receipt, err := publish(again, later, eventlog.Message{To: []names.Target{names.Everything}})
			if err != nil || receipt.ID().Epoch != last.Epoch || receipt.ID().Seq != last.Seq+1 {
				t.Errorf("after %s comes %v, %v", last, receipt, err)
			}
		})
	}
}

// TestADamagedFileIsNeverBelieved cuts a file at every byte, and changes every byte.
func TestADamagedFileIsNeverBelieved(t *testing.T) {
	h, now := life(t)
	file := written(t, now, h.Checkpoint(now))
	for cut := range file {
		if _, err := readAll(file[:cut], now, keepAll); err == nil {
			t.Errorf("cut after %d of %d bytes: nothing is wrong", cut, len(file))
		}
	}
	const gzipHead = 10 // its time and system mean nothing
	for at := gzipHead; at < len(file); at++ {
		changed := bytes.Clone(file)
		changed[at] ^= 0x10
		again, err := readAll(changed, now, keepAll)
		if err != nil {
			continue
		}
		// Some bits of the last block mean nothing.
		if got := written(t, now, again.Checkpoint(now)); !bytes.Equal(got, file) {
			t.Errorf("byte %d of %d changed: something else is believed", at, len(file))
		}
	}
	if _, err := readAll(append(bytes.Clone(file), "and more"...), now, keepAll); err == nil {
		t.Error("a file with something behind it: nothing is wrong")
	}
}

// zipped is the items as a file.
func zipped(t testing.TB, items ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	for _, item := range items {
		if err := encoding.NewEncoder(zip).Encode(item); err != nil {
			t.Fatal(err)
		}
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestForeignAndFoolishFiles(t *testing.T) {
	good := header{Format: magic, Version: version, Epoch: "e", Seq: 5, Events: 1}
	one := event{To: []string{"a"}, Body: []byte("data: x\n\n")}
	with := func(change func(*header)) header { h := good; change(&h); return h }
	newer := zipped(t, with(func(h *header) { h.Version = version + 1 }), "something quite different")
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "cut short"},
		{"text", []byte("not a history of anything at all"), "not a history file"},
		{"gzip of something", zipped(t, "hello"), "not a history file"},
		{"another format", zipped(t, with(func(h *header) { h.Format = "x" })), "not a history file"},
		{"newer", newer, "version 3"},
		{"no epoch", zipped(t, with(func(h *header) { h.Epoch = "" }), one), "no sense"},
		{"an epoch with a line break", zipped(t, with(func(h *header) { h.Epoch = "a\nb" }), one), "no sense"},
		{"more events than numbers", zipped(t, with(func(h *header) { h.Events = 6 }), one), "no sense"},
		{"an event too few", zipped(t, good), "cut short"},
		{"an event too many", zipped(t, good, one, one), "more events"},
		{"a number for an event", zipped(t, good, 7), "cbor"},
		{"no target", zipped(t, good, event{Body: one.Body}), "to is empty"},
		{"a bad target", zipped(t, good, event{To: []string{"a;b"}, Body: one.Body}), "which no room's name may have"},
		{"a forged event", zipped(t, good, event{To: one.To, Body: []byte("id: e-9\ndata: x\n\n")}), "fields of an event"},
	} {
		if _, err := readAll(tt.file, start, keepAll); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q in it", tt.name, err, tt.want)
		}
	}
	if _, err := readAll(zipped(t, good, one), start, keepAll); err != nil {
		t.Errorf("the file that all these are made from: %v", err)
	}
	if _, err := readAll(zipped(t, good, event{Age: math.MaxUint64, To: one.To, Body: one.Body}), start.Add(time.Hour), keepAll); err != nil {
		t.Errorf("an event from before there was time: %v", err)
	}
}

func TestAnItemWithoutEndIsNotTakenIntoMemory(t *testing.T) {
	const room = 64 << 10
	file := zipped(t, header{Format: magic, Version: version, Epoch: "e", Seq: 5, Events: 1}, event{Body: make([]byte, 2*room)})
	r, err := newReader(bytes.NewReader(file), start, room)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, errTooLong) {
		t.Errorf("got %v", err)
	}
}

// failing takes some bytes and no more, like a disk that is full.
type failing struct{ room int }

var errFull = errors.New("no space left on device")

func (f *failing) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestAFullDiskIsAnError(t *testing.T) {
	h, now := life(t)
	if err := Write(&failing{}, now, h.Checkpoint(now), nil); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	big, now := bulk(t, 1<<20, false)
	if err := Write(&failing{room: 300 << 10}, now, big.Checkpoint(now), nil); !errors.Is(err, errFull) {
		t.Errorf("in the middle: %v", err)
	}
}

// bulk is a hub with so many bytes of history in messages of 500 bytes, of text or of bytes that
// nothing makes shorter.
func bulk(t testing.TB, size int, text bool) (*hub.Hub, time.Time) {
	t.Helper()
	h := hub.New(hub.Options{Epoch: "k3x", History: keepAll})
	random := rand.NewChaCha8([32]byte{1})
	noise := make([]byte, 500)
	for i := 0; i*len(noise) < size; i++ {
		data := fmt.Sprintf(`{"order":%d,"state":"shipped","text":%q}`, i, strings.Repeat("lorem ipsum ", 36))
		if !text {
			_, _ = random.Read(noise)
			data = string(noise)
		}
		to := []names.Target{{Kind: names.Room, Name: fmt.Sprint("room", i%100)}}
		if _, err := publish(h, start, eventlog.Message{To: to, Event: sse.Event{Data: data}}); err != nil {
			t.Fatal(err)
		}
	}
	return h, start
}

// FuzzReader feeds anything in place of what gzip gives, so that the checksum does not keep it out.
func FuzzReader(f *testing.F) {
	plain := func(items ...any) []byte {
		var b bytes.Buffer
		for _, item := range items {
			if err := encoding.NewEncoder(&b).Encode(item); err != nil {
				f.Fatal(err)
			}
		}
		return b.Bytes()
	}
	good := header{Format: magic, Version: version, Epoch: "e", Seq: 5, Events: 1}
	f.Add(plain(good, event{Age: 5, To: []string{"a", "b*"}, Except: "x", Body: []byte("event: n\ndata: x\n\n")}))
	f.Add(plain(good, event{To: []string{"*"}, Body: []byte("data: x\n\n")}, 1))
	f.Add(plain(good))
	f.Fuzz(func(t *testing.T, items []byte) {
		var b bytes.Buffer
		zip := gzip.NewWriter(&b)
		if _, err := zip.Write(items); err != nil {
			t.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			t.Fatal(err)
		}
		h, err := readAll(b.Bytes(), start, keepAll)
		if err != nil {
			return
		}
		if err := h.Check(); err != nil {
			t.Error(err)
		}
		past := h.Checkpoint(start)
		again, err := readAll(written(t, start, past), start, keepAll)
		if err != nil || again.LastID() != past.Last || again.Checkpoint(start).Len != past.Len {
			t.Errorf("what was read cannot be written and read again: %v", err)
		}
	})
}

func BenchmarkFile(b *testing.B) {
	const size = 64 << 20
	for _, kind := range []string{"text", "noise"} {
		h, now := bulk(b, size, kind == "text")
		past := h.Checkpoint(now)
		b.Run("write/"+kind, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				if err := Write(io.Discard, now, past, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		file := written(b, now, past)
		b.Logf("%s: %d bytes", kind, len(file))
		b.Run("read/"+kind, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				if _, err := readAll(file, now, keepAll); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
