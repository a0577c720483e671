package api

import (
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var update = flag.Bool("update", false, "rewrite the table of metrics in docs/monitoring.md")

const (
	docPath  = "../../docs/monitoring.md"
	docBegin = "<!-- the table is written by go test ./internal/api -update -->\n"
	docEnd   = "<!-- end of the table -->\n"
)

// TestDocumentationHasEveryMetric keeps the table of docs/monitoring.md equal to the families.
func TestDocumentationHasEveryMetric(t *testing.T) {
	text, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), docBegin)
	_, tail, ok2 := strings.Cut(rest, docEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has lost the lines that enclose the table", docPath)
	}
	want := head + docBegin + "\n" + metricsTable() + "\n" + docEnd + tail
	if *update {
		if err := os.WriteFile(docPath, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != want {
		t.Errorf("%s is not up to date: go test ./internal/api -update", docPath)
	}
}

func TestEveryRefusalIsDocumented(t *testing.T) {
	page, err := os.ReadFile(docPath)
	if err != nil {
		t.Fatal(err)
	}
	for reason := range numRefusals {
		if !strings.Contains(string(page), "`"+reason.String()+"`") {
			t.Errorf("the reason %q is not documented", reason)
		}
	}
}

func metricsTable() string {
	var b strings.Builder
	b.WriteString("| Metric | Kind | Labels | Meaning |\n|---|---|---|---|\n")
	for _, f := range families() {
		kind := "gauge"
		switch {
		case f.times != nil:
			kind = "histogram"
		case f.kind == prometheus.CounterValue:
			kind = "counter"
		}
		labels := ""
		if len(f.labels) > 0 {
			labels = "`" + strings.Join(f.labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s |\n", namespace, f.name, kind, labels, f.help)
	}
	return b.String()
}

// What is documented is what a scrape has: each family has a series from the start.
func TestEveryFamilyIsInAScrape(t *testing.T) {
	route := Metrics(someFigures, nil, func() {}, slog.New(slog.DiscardHandler))
	w := httptest.NewRecorder()
	route.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, route.Path, http.NoBody))
	text := w.Body.String()
	for _, f := range families() {
		if !strings.Contains(text, "# TYPE "+namespace+f.name+" ") {
			t.Errorf("no series of %s in a scrape", f.name)
		}
	}
}
