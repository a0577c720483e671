package top

import (
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// pressAll presses keys one after another.
func (m *model) pressAll(keys ...key) (isChanged bool) {
	for _, k := range keys {
		isChanged = m.press(k)
	}
	return isChanged
}

func TestDisplays(t *testing.T) {
	t.Parallel()
	var m model
	for _, tt := range []struct {
		key     string
		want    display
		changed bool
	}{
		{"w", showQueues, true},
		{"w", showQueues, false},
		{"b", showSent, true},
		{"O", showOldest, true},
		{"r", showRooms, true},
		{"x", showRooms, false},
		{"v", showAll, true},
	} {
		if changed := m.pressAll(text(tt.key)...); changed != tt.changed || m.display != tt.want {
			t.Errorf("%s: display %d, changed %t", tt.key, m.display, changed)
		}
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	enter, escape := key{kind: keyEnter}, key{kind: keyEscape}
	var m model
	if !m.pressAll(append(text("/ qrooX"), key{kind: keyErase}, text("m")[0], enter)...) {
		t.Error("a filter does not change the lists")
	}
	m.pressAll(append(text("ianna"), enter)...)
	m.pressAll(append(text("a192.0.2.1"), enter)...)
	if want := (filter{"qroom", "anna", "192.0.2.1"}); m.filter != want || m.done {
		t.Errorf("got %+v, want %+v", m.filter, want)
	}
	m.pressAll(append(text("ixxx"), escape)...) // not meant
	m.pressAll(append(text("a"), key{kind: keyClear}, enter)...)
	if want := (filter{room: "qroom", id: "anna"}); m.filter != want {
		t.Errorf("got %+v, want %+v", m.filter, want)
	}
	if changed := m.pressAll(escape); !changed || m.filter != (filter{}) {
		t.Errorf("after Escape: %+v, changed %t", m.filter, changed)
	}
	if m.pressAll(escape) {
		t.Error("a second Escape changes something")
	}
	m.pressAll(text("/" + strings.Repeat("x", 10_000))...)
	if len(m.typed) > maxTyped {
		t.Errorf("%d bytes were typed", len(m.typed))
	}
}

func TestQuits(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]key{
		"q": text("q"), "Q": text("Q"), "Ctrl-C": {{kind: keyQuit}}, "Ctrl-C while typing": append(text("/a"), key{kind: keyQuit}), "q from the help": text("?q"),
	} {
		var m model
		if m.pressAll(keys...); !m.done {
			t.Errorf("%s does not quit", name)
		}
	}
	for name, keys := range map[string][]key{"typed": text("/q"), "the help closes": text("?x"), "Escape": {{kind: keyEscape}}} {
		var m model
		if m.pressAll(keys...); m.done || m.isHelp {
			t.Errorf("%s: done %t, help %t", name, m.done, m.isHelp)
		}
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	started := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	status := func(pid int, seconds float64, messages, deliveries uint64) api.Status {
		return api.Status{
			PID: pid, StartedAt: started.Add(time.Duration(pid)), UptimeSeconds: seconds, MessagesTotal: messages, DeliveriesTotal: deliveries,
			Closed: map[string]uint64{"client": messages, "slow": messages}, Refused: map[string]uint64{"limits": 2 * messages},
		}
	}
	var m model
	m.addStatus(status(1, 10, 100, 1000))
	if m.hasRates {
		t.Error("rates of one status")
	}
	m.addStatus(status(1, 12, 110, 1500))
	if want := (rates{published: 5, delivered: 250, closed: 10, refused: 10}); !m.hasRates || m.rates != want {
		t.Errorf("got %+v, want %+v", m.rates, want)
	}
	m.addStatus(status(2, 1, 5, 5)) // it was restarted
	if m.hasRates || len(m.traffic.values) != 0 {
		t.Errorf("rates across a restart: %+v, %v", m.rates, m.traffic.values)
	}
	m.addStatus(status(2, 1, 5, 5)) // no time has passed
	if m.hasRates {
		t.Error("rates of no time")
	}
}

func TestListsThatAreLateAreNotShown(t *testing.T) {
	t.Parallel()
	m := model{display: showQueues}
	now := time.Now()
	client := func(sent uint64) []api.Client {
		return []api.Client{{Conn: 1, Stream: 3, Sent: sent}, {Conn: 1, Stream: 5}}
	}
	m.addLists(lists{of: query{display: showAll}, queues: client(1)})
	if m.lists.queues != nil {
		t.Error("lists of another display are shown")
	}
	q := query{display: showQueues, rows: 10}
	m.addLists(lists{of: q, queues: client(1), at: now})
	if _, isKnown := m.sentRate(client(1)[0]); isKnown {
		t.Error("a rate of one list")
	}
	m.addLists(lists{of: q, queues: client(21), at: now.Add(2 * time.Second)})
	if rate, isKnown := m.sentRate(m.lists.queues[0]); !isKnown || rate != 10 {
		t.Errorf("got %v, %t, want 10", rate, isKnown)
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	var tr track
	if got := tr.bars(10); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	for _, v := range []float64{0, 1, 4, 8} {
		tr.add(v)
	}
	for columns, want := range map[int]string{-1: "", 0: "", 2: "▅█", 4: "▁▂▅█", 10: "▁▂▅█"} {
		if got := tr.bars(columns); got != want {
			t.Errorf("in %d columns: %q, want %q", columns, got, want)
		}
	}
	for range 10 * trackLength {
		tr.add(0)
	}
	if len(tr.values) != trackLength || strings.Trim(tr.bars(5), "▁") != "" {
		t.Errorf("%d values, %q", len(tr.values), tr.bars(5))
	}
}

func TestFigures(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 0.04: "0.0", 9.96: "10.0", 99.94: "99.9", 100: "100", 9999.4: "9999", 10_000: "10k", 999_499: "999k", 1e6: "1.0M", 12.34e6: "12.3M"} {
		if got := figure(v); got != want {
			t.Errorf("figure(%v) = %q, want %q", v, got, want)
		}
	}
}
