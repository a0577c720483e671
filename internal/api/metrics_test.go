package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// someFigures are figures in which every number is another one.
func someFigures() Figures {
	return Figures{
		Version:           "1.2.3",
		StartedAt:         time.Unix(1000, 0),
		Connections:       7,
		Streams:           []StreamFigures{{"2", true, 6}, {"1.1", false, 0}},
		StreamsClosed:     map[string]uint64{"kicked": 8, "drained": 0},
		RequestsRefused:   map[string]uint64{"memory": 9},
		HandshakeResults:  map[string]uint64{"ok": 5, "left": 1},
		HandshakesResumed: 2,
		DeliveryTimes:     Histogram{Bounds: []time.Duration{time.Millisecond, time.Second}, Counts: []uint64{1, 2, 3}, Sum: time.Minute},
		PublishRefused:    map[string]uint64{"invalid": 0},
		EventsDropped:     map[string]uint64{"close": 0},
		Replays:           map[string]uint64{"gap": 0},
		ACMEOrders:        map[string]uint64{"ok": 0},
		Reloads:           map[string]uint64{"ok": 0},
		RefusedAtAPI:      map[string]uint64{"misdirected": 0},
		Published:         map[string]uint64{"unix": 10},
		Cluster:           &ClusterFigures{Ready: true, ConnectFailures: map[string]uint64{"tls": 0}, Appends: Histogram{Bounds: []time.Duration{time.Second}, Counts: []uint64{1, 0}}},
		Certificates:      []CertificateFigures{{"push.example.org", time.Unix(2000, 0)}},
		TLSRecords:        map[string]uint64{"handed_over": 7},
	}
}

func scrape(t *testing.T, accept string) string {
	t.Helper()
	process, err := OpenProcess()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = process.Close() }()
	route := Metrics(someFigures, process, func() {}, slog.New(slog.DiscardHandler))
	req := httptest.NewRequest(http.MethodGet, route.Path, http.NoBody)
	req.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	route.Handler.ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetricsAreWhatTheFiguresAre(t *testing.T) {
	text := scrape(t, "")
	for _, line := range []string{
		`hassesd_start_time_seconds 1000`,
		`hassesd_connections 7`,
		`hassesd_streams{http="2",tls="true"} 6`,
		`hassesd_streams{http="1.1",tls="false"} 0`,
		`hassesd_streams_closed_total{reason="kicked"} 8`,
		`hassesd_streams_closed_total{reason="drained"} 0`,
		`hassesd_requests_refused_total{reason="memory"} 9`,
		`hassesd_tls_handshakes_total{result="ok",resumed="true"} 2`,
		`hassesd_tls_handshakes_total{result="ok",resumed="false"} 3`,
		`hassesd_tls_handshakes_total{result="left",resumed="false"} 1`,
		`hassesd_delivery_duration_seconds_bucket{le="0.001"} 1`,
		`hassesd_delivery_duration_seconds_bucket{le="1"} 3`,
		`hassesd_delivery_duration_seconds_bucket{le="+Inf"} 6`,
		`hassesd_delivery_duration_seconds_sum 60`,
		`hassesd_tls_records_total{keeper="handed_over"} 7`,
		`hassesd_published_total{door="unix"} 10`,
		`hassesd_certificate_not_after_timestamp_seconds{name="push.example.org"} 2000`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
	for _, family := range []string{"go_goroutines", "process_cpu_seconds_total", "process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_start_time_seconds"} {
		if !strings.Contains(text, "\n"+family+" ") {
			t.Errorf("no %s", family)
		}
	}
	if strings.Contains(text, "promhttp_") {
		t.Error("the library counts itself")
	}
	for _, accept := range []string{"", "*/*", "text/plain", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"} {
		if text := scrape(t, accept); !strings.HasPrefix(text, "# HELP ") || strings.HasSuffix(text, "# EOF\n") {
			t.Errorf("asked for %q, got something else than the text format", accept)
		}
	}
	if open := scrape(t, "application/openmetrics-text; version=1.0.0"); !strings.HasSuffix(open, "# EOF\n") {
		t.Error("asked for OpenMetrics, got something else")
	}
}

// The process's own figures are those of /proc.
func TestProcessFigures(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want processFigures
		fail bool
	}{
		"plain":       {stat("hassesd"), processFigures{cpu: 4.2, start: 12.5, virtual: 1000, resident: 3 * float64(os.Getpagesize())}, false},
		"a mean name": {stat("a) R (b"), processFigures{cpu: 4.2, start: 12.5, virtual: 1000, resident: 3 * float64(os.Getpagesize())}, false},
		"cut":         {"1 (x) R 1 2 3", processFigures{}, true},
		"no numbers":  {strings.Replace(stat("x"), " 1250 ", " soon ", 1), processFigures{}, true},
		"empty":       {"", processFigures{}, true},
	} {
		got, err := parseStat([]byte(tt.text))
		if got != tt.want || (err != nil) != tt.fail {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	p, err := OpenProcess()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	before, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if after, err := p.open(); err != nil || after != before+1 {
		t.Errorf("%d descriptors, then %d: %v", before, after, err)
	}
	got, err := p.read()
	if now := float64(time.Now().Unix()); err != nil || got.resident <= 0 || p.boot+got.start > now+1 || p.boot+got.start < now-3600 {
		t.Errorf("%+v since %f, %v", got, p.boot, err)
	}
}

func stat(name string) string {
	return "17 (" + name + ") S 1 17 17 0 -1 4194304 100 0 0 0 300 120 0 0 20 0 8 0 1250 1000 3 18446744073709551615 1 1 0\n"
}

// The names are as Prometheus's conventions have them.
func TestNamesOfFamilies(t *testing.T) {
	form := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	seen := make(map[string]bool)
	for _, f := range families() {
		isTotal := strings.HasSuffix(f.name, "_total")
		if !form.MatchString(f.name) || seen[f.name] || f.help == "" || !strings.HasSuffix(f.help, ".") {
			t.Errorf("%s: %q", f.name, f.help)
		}
		if isTotal != (f.kind == prometheus.CounterValue) {
			t.Errorf("%s is a %v", f.name, f.kind)
		}
		seen[f.name] = true
	}
}

// Each scrape says when it is over, also one whose client has left.
func TestEachScrapeSaysThatItIsOver(t *testing.T) {
	scrapes := 0
	route := Metrics(someFigures, nil, func() { scrapes++ }, slog.New(slog.DiscardHandler))
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, ctx := range []context.Context{t.Context(), gone} {
		route.Handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, route.Path, http.NoBody))
	}
	if scrapes != 2 {
		t.Errorf("heard of %d of 2 scrapes", scrapes)
	}
}
