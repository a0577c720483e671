package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// namespace begins the names of the daemon's own families.
const namespace = "hassesd_"

// family is one metric family. Its labels have a closed set of values, never what a client or a
// publisher has chosen: rooms, ids and addresses would become series without an end.
type family struct {
	name    string // without the namespace
	help    string
	kind    prometheus.ValueType
	labels  []string
	collect func(f *Figures, emit emit)
	times   func(f *Figures) *Histogram // of a histogram, which has nothing of the above but its name and help; nil: it has no series
}

// emit adds one series to a family.
type emit = func(value float64, labels ...string)

func gauge(name, help string, value func(f *Figures) float64) family {
	return labelled(name, help, prometheus.GaugeValue, nil, func(f *Figures, emit emit) { emit(value(f)) })
}

func counter(name, help string, value func(f *Figures) uint64) family {
	return labelled(name, help, prometheus.CounterValue, nil, func(f *Figures, emit emit) { emit(float64(value(f))) })
}

// counterBy has a series for each member of a closed set.
func counterBy(label, name, help string, values func(f *Figures) map[string]uint64) family {
	return labelled(name, help, prometheus.CounterValue, []string{label}, func(f *Figures, emit emit) {
		for member, n := range values(f) {
			emit(float64(n), member)
		}
	})
}

func labelled(name, help string, kind prometheus.ValueType, labels []string, collect func(f *Figures, emit emit)) family {
	return family{name: name, help: help, kind: kind, labels: labels, collect: collect}
}

func histogram(name, help string, times func(f *Figures) *Histogram) family {
	return family{name: name, help: help, times: times}
}

// histogramOf returns a histogram as the library has it: with cumulative counts.
func histogramOf(desc *prometheus.Desc, h *Histogram) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Bounds))
	total := uint64(0)
	for i, bound := range h.Bounds {
		total += h.Counts[i]
		buckets[bound.Seconds()] = total
	}
	if len(h.Counts) > len(h.Bounds) {
		total += h.Counts[len(h.Bounds)]
	}
	return prometheus.MustNewConstHistogram(desc, total, h.Sum.Seconds(), buckets)
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / float64(time.Second) }

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
