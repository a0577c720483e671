package memguard

import (
	"runtime/debug"
	"testing"
	"time"
)

// A task leaves its garbage each second, and each collection takes a while.
func TestTidyCollectsWhatIsWorthIt(t *testing.T) {
	for _, tt := range []struct {
		name          string
		live, garbage int64
		takes         time.Duration
		want          int // collections within 100 seconds
	}{
		{"short collections", 10 << 20, 256 << 10, 5 * time.Millisecond, 100},
		{"no garbage", 10 << 20, 0, 5 * time.Millisecond, 0},
		{"little garbage", 10 << 20, 10 << 10, 5 * time.Millisecond, 12}, // of eight tasks each
		{"a million streams", 1 << 30, 256 << 10, 900 * time.Millisecond, 1},
		{"long collections", 10 << 20, 256 << 10, 95 * time.Millisecond, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var clock time.Time
			garbage, collections := int64(0), 0
			tidier := &Tidier{
				measure: func() Use { return Use{Live: tt.live, Most: tt.live + garbage} },
				collect: func() { garbage, collections, clock = 0, collections+1, clock.Add(tt.takes) },
				now:     func() time.Time { return clock },
			}
			for second := range 100 {
				clock = time.Unix(int64(second), 0)
				garbage += tt.garbage
				tidier.tidy()
			}
			if collections != tt.want {
				t.Errorf("%d collections, want %d", collections, tt.want)
			}
		})
	}
}

// One collection runs at a time, and who asks does not wait for it.
func TestTidyReturnsAtOnce(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	tidier := NewTidier(time.Now)
	tidier.measure = func() Use { return Use{Live: 1, Most: 2} }
	tidier.collect = func() {
		close(began) // panics in a second one
		<-end
	}
	tidier.Tidy()
	<-began
	for range 100 {
		tidier.Tidy()
	}
	if !tidier.running.Load() {
		t.Error("the collection has ended")
	}
	close(end)
}

// The garbage of the Go runtime goes.
func TestTidyCollectsTheRuntimesGarbage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // nothing else collects
	tidier := NewTidier(time.Now)
	tidier.collect()
	for range 64 {
		litter = make([]byte, 1<<16)
	}
	litter = nil
	before := tidier.measure()
	tidier.tidy()
	after := tidier.measure()
	if before.Most-before.Live < 1<<20 || after.Most-after.Live >= before.Most-before.Live {
		t.Errorf("garbage before: %d bytes, after: %d", before.Most-before.Live, after.Most-after.Live)
	}
}

var litter []byte
