package bench

import (
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		scenario Scenario
		rooms    int
		rate     float64
	}{{"", 1, 10}, {Fanout, 1, 10}, {Rooms, 1000, 1000}, {Storm, 1, 10}} {
		o := Options{Scenario: tt.scenario, URL: "https://localhost/sse?subscribe={room}"}
		if err := o.Complete(); err != nil {
			t.Fatal(err)
		}
		if o.Rooms != tt.rooms || o.Rate != tt.rate || o.Streams != 1000 || o.Size != 100 || o.Duration != 10*time.Second || o.StormSize != 500 {
			t.Errorf("%q: %+v", tt.scenario, o)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	o := Options{
		Scenario: "party", URL: "ftp://example.org/{room}", Streams: 5, Rooms: 6, Rate: 1, InFlight: 1, Size: 79, TLS: "1.1",
		Curve: "P-512", SlowShare: 100, StormSize: 6, ChurnRate: -1, Sources: "::1/128", Warmup: -1, Opening: 5000,
	}
	err := o.Complete()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`no scenario "party"`, "not the URL of a server", "6 rooms for 5 streams", "exclude each other", "messages of 79 bytes", `TLS "1.1"`,
		`curve "P-512"`, "100 % slow", "storm of 6 of 5", "churn of -1", "IPv4", "over zero", "5000 streams opened",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %q in: %v", want, err)
		}
	}
	o = Options{URL: "https://h/{room}", Scenario: Churn, InFlight: 4}
	if err := o.Complete(); err == nil || !strings.Contains(err.Error(), "churn needs a rate") {
		t.Errorf("a closed loop of churn: %v", err)
	}
	o = Options{URL: "https://h/{room}", Sources: "10.0.0.0"}
	if err := o.Complete(); err == nil || !strings.Contains(err.Error(), "must be a network") {
		t.Errorf("an address for a network: %v", err)
	}
	o = Options{URL: "https://h/{room}", RootsPEM: "nothing"}
	if err := o.Complete(); err == nil || !strings.Contains(err.Error(), "the certificates to trust: there is no PEM certificate") {
		t.Errorf("roots that are none: %v", err)
	}
}

func TestSharesCoverAllStreams(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Streams: 10, Processes: 1}, {Streams: 10, Processes: 3}, {Streams: 3, Processes: 3}} {
		next := 0
		for i := range o.Processes {
			first, last := o.share(i)
			if first != next || last <= first {
				t.Errorf("%d of %d: streams %d to %d", i, o.Processes, first, last)
			}
			next = last
		}
		if next != o.Streams {
			t.Errorf("%d of %d streams are shared", next, o.Streams)
		}
	}
}

func TestSlowShare(t *testing.T) {
	t.Parallel()
	o := Options{Scenario: Slow, Streams: 1000, SlowShare: 13}
	slow := 0
	for i := range o.Streams {
		if o.isSlow(i) {
			slow++
		}
	}
	if slow != 130 {
		t.Errorf("%d of 1000 streams are slow, want 130", slow)
	}
	if o.Scenario = Fanout; o.isSlow(0) || o.isSlow(7) {
		t.Error("streams of fanout are slow")
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url, network string
		streams      int
		want         int
		first        string
	}{
		{"https://127.0.0.1/{room}", "", 10_000, 0, ""},
		{"https://127.0.0.1/{room}", "", 25_000, 3, "127.0.0.1"},
		{"https://192.0.2.1/{room}", "", 25_000, 0, ""},
		{"https://[::1]/{room}", "", 25_000, 0, ""},
		{"https://127.0.0.1/{room}", "127.3.0.0/29", 1, 6, "127.3.0.1"},
		{"https://127.0.0.1/{room}", "127.3.0.4/31", 1, 2, "127.3.0.4"},
		{"https://192.0.2.1/{room}", "10.0.0.7/32", 1, 1, "10.0.0.7"},
		{"https://192.0.2.1/{room}", "10.0.0.0/8", 1, maxSources, "10.0.0.1"},
	} {
		target, err := newTarget(tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Sources: tt.network, Streams: tt.streams}
		list := o.sources(target)
		if len(list) != tt.want || tt.want > 0 && list[0].String() != tt.first {
			t.Errorf("%s from %q: %d addresses %.60v, want %d from %s", tt.url, tt.network, len(list), list, tt.want, tt.first)
		}
	}
}
