package main

import (
	"math"
	"strings"
	"testing"
)

func TestTrend(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		values      []float64
		rise, noise float64
	}{
		{"too few", []float64{1, 9}, 0, 0},
		{"flat", []float64{5, 5, 5, 5}, 0, 0},
		{"straight", []float64{1, 3, 5, 7, 9}, 8, 0},
		{"back and forth", []float64{0, 2, 0, 2, 0}, 0, 1.6},
	} {
		rise, noise := trend(tt.values)
		if math.Abs(rise-tt.rise) > 0.01 || math.Abs(noise-tt.noise) > 0.01 {
			t.Errorf("%s: %.3f, noise %.3f; want %.3f, %.3f", tt.name, rise, noise, tt.rise, tt.noise)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	series := func(at func(i int) sample) (list []sample) {
		for i := range 60 {
			list = append(list, at(i))
		}
		return list
	}
	for _, tt := range []struct {
		name   string
		series []sample
		want   string
	}{
		{"a saw", series(func(i int) sample { return sample{rss: int64(100+i%7) << 20, files: 400 + i%9, threads: 9} }), ""},
		{"memory", series(func(i int) sample { return sample{rss: int64(100+i%7+i) << 20, files: 400, threads: 9} }), "resident memory has grown"},
		{"descriptors", series(func(i int) sample { return sample{rss: 100 << 20, files: 400 + 2*i, threads: 9} }), "descriptors have grown by 118.0"},
		{"threads", series(func(i int) sample { return sample{rss: 100 << 20, files: 400, threads: 9 + i/10} }), "threads have grown"},
	} {
		var faults faultList
		judge(tt.series, &faults)
		err := faults.err()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
