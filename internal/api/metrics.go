package api

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// rendersAtOnce bounds the scrapes that are rendered at a time; the others wait for about a
// millisecond each.
const rendersAtOnce = 2

// collector turns each scrape into one call of figures.
type collector struct {
	figures  func() Figures
	families []family
	descs    []*prometheus.Desc // of families
}

func newCollector(figures func() Figures) *collector {
	c := &collector{figures: figures, families: families()}
	for _, f := range c.families {
		c.descs = append(c.descs, prometheus.NewDesc(namespace+f.name, f.help, f.labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	figures := c.figures()
	for i, f := range c.families {
		if f.times != nil {
			if times := f.times(&figures); times != nil {
				out <- histogramOf(c.descs[i], times)
			}
			continue
		}
		f.collect(&figures, func(value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(c.descs[i], f.kind, value, labels...)
		})
	}
}

// newRegistry returns a registry of its own with everything that /metrics shows. process may be nil.
func newRegistry(figures func() Figures, process *Process) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(newCollector(figures), collectors.NewGoCollector())
	if process != nil {
		registry.MustRegister(process)
	}
	return registry
}

// metrics serves /metrics.
type metrics struct {
	registry *prometheus.Registry
	log      *slog.Logger
	scraped  func()        // called after each scrape
	slots    chan struct{} // holds a value for each scrape that is being rendered
	length   atomic.Int64  // of the last text
}

// Metrics returns the route of /metrics. Each scrape calls figures once, and scraped when it is over and
// has left its garbage, a quarter of a megabyte; scraped must not wait.
func Metrics(figures func() Figures, process *Process, scraped func(), log *slog.Logger) Route {
	return Route{Path: "/metrics", Handler: &metrics{
		registry: newRegistry(figures, process), log: log, scraped: scraped, slots: make(chan struct{}, rendersAtOnce),
	}}
}

// ServeHTTP implements http.Handler. It renders the whole text before it writes any of it, so that a
// scraper that does not read holds up nobody else.
func (m *metrics) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	defer m.scraped()
	format := expfmt.NegotiateAccept(req.Header, expfmt.FmtOpenMetrics_1_0_0, expfmt.FmtOpenMetrics_0_0_1, expfmt.FmtText)
	text, err := m.render(req.Context(), format)
	switch {
	case req.Context().Err() != nil: // the client has left
	case err != nil:
		m.log.Error("metrics cannot be rendered", "err", err)
		WriteError(w, http.StatusInternalServerError, "internal", "the metrics cannot be rendered; the log says why")
	default:
		w.Header().Set("Content-Type", string(format))
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		_, _ = w.Write(text) // or the client has left
	}
}

// render waits for its turn, and returns what a scrape gets.
func (m *metrics) render(ctx context.Context, format expfmt.Format) ([]byte, error) {
	select {
	case m.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-m.slots }()
	families, err := m.registry.Gather()
	if err != nil {
		return nil, err
	}
	text := bytes.NewBuffer(make([]byte, 0, m.length.Load()+bytes.MinRead))
	encoder := expfmt.NewEncoder(text, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return nil, err
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok { // OpenMetrics ends with a line of its own
		if err := closer.Close(); err != nil {
			return nil, err
		}
	}
	m.length.Store(int64(text.Len()))
	return text.Bytes(), nil
}
