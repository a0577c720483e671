package memguard

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Use is the memory in use at one moment, in bytes.
type Use struct {
	Live   int64 // what survived the last garbage collection, and everything outside the heap
	Most   int64 // Live and all that was allocated since, garbage or not
	Kernel int64 // the part of both that the kernel holds for clients that read too slowly
}

// Meter measures and bounds the heap. The guard calls it from one goroutine at a time.
type Meter interface {
	// Measure returns the memory in use, of which the kernel holds kernel bytes.
	Measure(kernel int64) Use
	// Collect collects the garbage and returns how long it took.
	Collect() time.Duration
	// Limit has the collector keep the heap within so many bytes. It stops the world.
	Limit(bytes int64)
}

// RuntimeMeter is the meter of the Go runtime.
type RuntimeMeter struct {
	samples []metrics.Sample
}

// NewRuntimeMeter makes the meter of the Go runtime.
func NewRuntimeMeter() *RuntimeMeter {
	m := &RuntimeMeter{}
	for _, name := range []string{
		"/gc/heap/live:bytes",
		"/memory/classes/heap/objects:bytes",
		"/memory/classes/heap/unused:bytes",
		"/memory/classes/heap/free:bytes",
		"/memory/classes/heap/released:bytes",
		"/memory/classes/total:bytes",
	} {
		m.samples = append(m.samples, metrics.Sample{Name: name})
	}
	return m
}

// Measure implements Meter. It costs a few microseconds.
func (m *RuntimeMeter) Measure(kernel int64) Use {
	metrics.Read(m.samples)
	value := func(i int) int64 { return int64(m.samples[i].Value.Uint64()) }
	live, objects, unused, free, released, total := value(0), value(1), value(2), value(3), value(4), value(5)
	rest := total - objects - unused - free - released // stacks, and what the runtime needs itself
	if live == 0 {                                     // nothing has been collected yet
		live = objects
	}
	return Use{
		Live:   live + rest + kernel,
		Most:   max(objects, live) + rest + kernel,
		Kernel: kernel,
	}
}

// Collect implements Meter.
func (*RuntimeMeter) Collect() time.Duration {
	began := time.Now()
	runtime.GC()
	return time.Since(began)
}

// Limit implements Meter.
func (*RuntimeMeter) Limit(bytes int64) { debug.SetMemoryLimit(bytes) }
