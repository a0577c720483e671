package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

// sample is one look at the daemon.
type sample struct {
	rss     int64 // bytes
	files   int
	threads int
}

// look reads what the kernel knows; what cannot be read is 0.
func (d *daemon) look() sample {
	var s sample
	dir := fmt.Sprintf("/proc/%d", d.cmd.Process.Pid)
	text, _ := os.ReadFile(dir + "/status")
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		switch name {
		case "VmRSS":
			s.rss = n << 10
		case "Threads":
			s.threads = int(n)
		}
	}
	entries, _ := os.ReadDir(dir + "/fd")
	s.files = len(entries)
	return s
}

// watch looks at the daemon every so often until ctx ends, at least twice.
func (d *daemon) watch(ctx context.Context, every time.Duration) []sample {
	tick := time.NewTicker(every)
	defer tick.Stop()
	series := []sample{d.look()}
	for {
		select {
		case <-tick.C:
			series = append(series, d.look())
		case <-ctx.Done():
			return append(series, d.look())
		}
	}
}

// growth is how much more there is at the end of a series than at its beginning, by its trend.
type growth struct {
	rss, files, threads float64
	noise               float64 // of rss: what the trend is known to
}

const (
	// sparePart of the resident memory may come and go: the collector lets the heap double before it looks.
	sparePart = 0.10

	// spareFiles and spareThreads are what may be on the way when the first and the last look are taken.
	spareFiles   = 60
	spareThreads = 2
)

// judge adds what has grown to faults.
func judge(series []sample, faults *faultList) growth {
	n := len(series)
	rss, files, threads := make([]float64, n), make([]float64, n), make([]float64, n)
	mean := 0.0
	for i, s := range series {
		rss[i], files[i], threads[i] = float64(s.rss), float64(s.files), float64(s.threads)
		mean += rss[i] / float64(n)
	}
	var g growth
	g.rss, g.noise = trend(rss)
	g.files, _ = trend(files)
	g.threads, _ = trend(threads)
	if g.rss > 2*g.noise && g.rss > sparePart*mean {
		faults.add(fmt.Errorf("resident memory has grown by %.0f KiB", g.rss/1024))
	}
	if g.files > spareFiles {
		faults.add(fmt.Errorf("descriptors have grown by %.1f", g.files))
	}
	if g.threads > spareThreads {
		faults.add(fmt.Errorf("threads have grown by %.1f", g.threads))
	}
	return g
}

// trend is the rise of the straight line through values, from the first to the last, by least squares, and its
// standard error.
func trend(values []float64) (rise, noise float64) {
	n := float64(len(values))
	if n < 3 {
		return 0, 0
	}
	var sumX, sumY float64
	for i, y := range values {
		sumX += float64(i)
		sumY += y
	}
	meanX, meanY := sumX/n, sumY/n
	var xx, xy float64
	for i, y := range values {
		xx += (float64(i) - meanX) * (float64(i) - meanX)
		xy += (float64(i) - meanX) * (y - meanY)
	}
	slope := xy / xx
	var rest float64
	for i, y := range values {
		d := y - meanY - slope*(float64(i)-meanX)
		rest += d * d
	}
	return slope * (n - 1), math.Sqrt(rest/(n-2)/xx) * (n - 1)
}
