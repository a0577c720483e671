package hub

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
)

func TestCreditHoldsPublishersBack(t *testing.T) {
	now := time.Unix(1, 0)
	starved := 0
	h := New(Options{Epoch: "e", Starved: func() { starved++ }})
	log := follow(h, func() time.Time { return now })
	publish := func() error {
		_, err := try(log, message("a", "0123456789"))
		return err
	}
	if err := publish(); !errors.Is(err, eventlog.ErrBusy) || starved != 1 {
		t.Fatalf("without credit: %v, told %d times", err, starved)
	}
	space := h.Space()
	select {
	case <-space:
		t.Fatal("there is space without credit")
	default:
	}
	if err := h.Check(); err != nil {
		t.Error(err)
	}
	h.SetCredit(1)
	<-space
	if err := publish(); err != nil { // longer than the credit: it would wait for ever otherwise
		t.Fatal(err)
	}
	if err := publish(); !errors.Is(err, eventlog.ErrBusy) {
		t.Errorf("beyond the credit: %v", err)
	}
	h.SetCredit(1000)
	for n := 0; ; n++ {
		if err := publish(); err != nil {
			if n < 10 || n > 60 {
				t.Errorf("1000 bytes of credit were good for %d messages", n)
			}
			break
		}
	}
	h.SetCredit(0)
	select {
	case <-h.Space():
		t.Error("no credit makes no space")
	default:
	}
}

func TestNobodyWhoGivesCreditMeansNoBound(t *testing.T) {
	log := follow(New(Options{Epoch: "e"}), time.Now)
	for range 100 {
		if _, err := try(log, message("a", "x")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHistoryIsHalved(t *testing.T) {
	w := newTestHub(t, 1, Options{History: HistoryLimits{Events: 1000, Bytes: 1 << 20, Age: time.Hour}})
	for range 100 {
		if _, err := w.try(message("a", "0123456789")); err != nil {
			t.Fatal(err)
		}
	}
	c := w.client(0)
	c.subscribe(Subscription{LastEventID: "e-10"}, "a")
	if n := w.hub.HalveHistory(); n < 49 || n > 51 {
		t.Errorf("%d of 100 events were dropped", n)
	}
	w.check()
	for range 10 {
		w.hub.HalveHistory()
	}
	if st := w.hub.Stats(w.now); st.HistoryEvents > 1 {
		t.Errorf("%d events are left", st.HistoryEvents)
	}
	w.check()
}

// Many publishers may wait with long messages, and all of them try again whenever there is a little
// room.
func TestWhoIsRefusedCostsNoMemory(t *testing.T) {
	h := New(Options{Epoch: "e", Starved: func() {}})
	log := follow(h, time.Now)
	m := message("a", strings.Repeat("\n", 1<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 10 {
		if _, err := try(log, m); !errors.Is(err, eventlog.ErrBusy) {
			t.Fatalf("without credit: %v", err)
		}
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("10 refusals took %d bytes", used)
	}
}
