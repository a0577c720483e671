package edge

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/edge/transport"
)

// floodWriter puts a flood together.
type floodWriter struct {
	*xhttp2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
}

// ask writes a request on the stream of a number, from 0 on.
func (f *floodWriter) ask(n uint32, path string, fields ...string) error {
	f.block.Reset()
	fields = append([]string{":method", "GET", ":scheme", "https", ":authority", "h", ":path", path}, fields...)
	for i := 0; i < len(fields); i += 2 {
		if err := f.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			return err
		}
	}
	return f.headers(n, f.block.Bytes(), true)
}

// headers writes a request in HPACK.
func (f *floodWriter) headers(n uint32, block []byte, complete bool) error {
	return f.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: 2*n + 1, BlockFragment: block, EndHeaders: complete, EndStream: true})
}

// bareHead is GET https://h/ in HPACK.
const bareHead = "\x82\x87\x84\x41\x01h"

// floods are what an attacker sends again and again, counted from 0.
var floods = []struct {
	name  string
	again func(f *floodWriter, n uint32) error
}{
	{"RapidReset", func(f *floodWriter, n uint32) error {
		if err := f.ask(n, "/sse?subscribe=b"); err != nil {
			return err
		}
		return f.WriteRSTStream(2*n+1, xhttp2.ErrCodeCancel)
	}},
	{"RapidResetOfRefused", func(f *floodWriter, n uint32) error {
		if err := f.ask(n, "/"); err != nil {
			return err
		}
		return f.WriteRSTStream(2*n+1, xhttp2.ErrCodeCancel)
	}},
	{"MadeYouReset", func(f *floodWriter, n uint32) error {
		if err := f.ask(n, "/sse?subscribe=b"); err != nil {
			return err
		}
		return f.WriteWindowUpdate(2*n+1, 0)
	}},
	{"Requests", func(f *floodWriter, n uint32) error { return f.ask(n, "/") }},
	{"Malformed", func(f *floodWriter, n uint32) error { return f.headers(n, []byte{0x82}, true) }},
	{"SETTINGS", func(f *floodWriter, _ uint32) error { return f.WriteSettings() }},
	{"SETTINGS of windows", func(f *floodWriter, n uint32) error {
		if n < 90 {
			return f.ask(n, "/sse?subscribe=b")
		}
		var all []xhttp2.Setting
		for i := range uint32(100) {
			all = append(all, xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: i % 2})
		}
		return f.WriteSettings(all...)
	}},
	{"PING", func(f *floodWriter, _ uint32) error { return f.WritePing(false, [8]byte{}) }},
	{"PRIORITY", func(f *floodWriter, n uint32) error {
		return f.WritePriority(2*n+1, xhttp2.PriorityParam{StreamDep: 2*n + 3})
	}},
	{"HeaderBomb", func(f *floodWriter, n uint32) error {
		if n == 0 { // a field of 3 KB that goes into the table
			long := append([]byte{0x40, 1, 'a', 0x7f, 0xb9, 0x16}, bytes.Repeat([]byte{'x'}, 3000)...)
			return f.headers(n, append([]byte(bareHead), long...), true)
		}
		return f.headers(n, append([]byte(bareHead), bytes.Repeat([]byte{0xbe}, 1000)...), true)
	}},
	{"LongBomb", func(f *floodWriter, n uint32) error {
		if n == 0 {
			long := append([]byte{0x40, 1, 'a', 0x7f, 0xb9, 0x16}, bytes.Repeat([]byte{'x'}, 3000)...)
			return f.headers(n, append([]byte(bareHead), long...), true)
		}
		if err := f.headers(n, append([]byte(bareHead), bytes.Repeat([]byte{0xbe}, 16000)...), false); err != nil {
			return err
		}
		for i := range 8 {
			if err := f.WriteContinuation(2*n+1, i == 7, bytes.Repeat([]byte{0xbe}, 16000)); err != nil {
				return err
			}
		}
		return nil
	}},
	{"Churn", func(f *floodWriter, n uint32) error { // each field drives others out of the table
		var long []byte
		for i := range 200 {
			long = append(append(long, 0x40, 2), byte('a'+i%26), byte('a'+i/26))
			long = append(append(long, 30), bytes.Repeat([]byte{'x'}, 30)...)
		}
		return f.headers(n, append([]byte(bareHead), long...), true)
	}},
}

// BenchmarkFloods measures what a flood costs a loop until its connection has been ended: processor
// time a connection, the longest turn, and what was allocated. Eight connections flood at a time.
func BenchmarkFloods(b *testing.B) {
	for _, flood := range floods {
		b.Run(flood.name, func(b *testing.B) {
			var out bytes.Buffer
			f := &floodWriter{Framer: xhttp2.NewFramer(&out, nil)}
			f.AllowIllegalWrites = true
			f.encoder = hpack.NewEncoder(&f.block)
			f.encoder.SetMaxDynamicTableSize(0)
			out.WriteString(xhttp2.ClientPreface)
			if err := f.WriteSettings(); err != nil {
				b.Fatal(err)
			}
			for n := uint32(0); out.Len() < 1<<20 && n < 5000; n++ {
				if err := flood.again(f, n); err != nil {
					b.Fatal(err)
				}
			}
			const attackers = 8
			w := h2TestServer(b, nil)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var spent time.Duration
			var turns []time.Duration
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				var all []*client
				for range attackers {
					c := w.connect()
					c.Send(out.Bytes())
					all = append(all, c)
				}
				for w.floodsOn() {
					began := threadTime(b)
					if err := w.loops[0].Turn(0); err != nil {
						b.Fatal(err)
					}
					turns = append(turns, threadTime(b)-began)
					spent += turns[len(turns)-1]
					for _, c := range all {
						_ = c.Received()
					}
				}
				for _, c := range all {
					c.Close()
				}
				w.turn()
			}
			runtime.ReadMemStats(&after)
			slices.Sort(turns)
			b.ReportMetric(float64(spent.Microseconds())/float64(b.N*attackers), "µs/conn")
			b.ReportMetric(float64(turns[len(turns)-1].Microseconds()), "µs-longest-turn")
			b.ReportMetric(float64(turns[len(turns)*99/100].Microseconds()), "µs-p99-turn")
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N*attackers)/1024, "KiB/conn")
			if st := w.stats(); st.Closed["http2_flood"] == 0 {
				b.Errorf("closed %v", st.Closed)
			}
		})
	}
}

// floodsOn reports whether a connection has not been accepted, or is not ending.
func (w *testServer) floodsOn() bool {
	conns := w.srv.workers[0].conns
	return len(conns) == 0 || slices.ContainsFunc(conns, func(c *conn) bool { return c.transport.State() == transport.Open })
}

// threadTime is what this thread has had of the processors.
func threadTime(b *testing.B) time.Duration {
	b.Helper()
	var used unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Nano())
}
