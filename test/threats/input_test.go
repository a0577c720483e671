package threats

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// TestT19InputAfterTheRequest: a subscriber that sends more than 4 KiB after its request loses its
// connection.
func TestT19InputAfterTheRequest(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	good := attackedGoodStreams(d)
	const flood = 4 << 20
	for name, next := range map[string]func(w *recordWriter) []byte{
		"key updates":            func(w *recordWriter) []byte { return w.keyUpdate(false) },
		"key updates to answer":  func(w *recordWriter) []byte { return w.keyUpdate(true) },
		"empty records":          func(w *recordWriter) []byte { return w.record(recordApplication, nil) },
		"records of one byte":    func(w *recordWriter) []byte { return w.record(recordApplication, []byte("x")) },
		"records as long as can": func(w *recordWriter) []byte { return w.record(recordApplication, make([]byte, 16<<10)) },
		"user_canceled alerts":   func(w *recordWriter) []byte { return w.record(recordAlert, []byte{1, 90}) },
		"requests": func(w *recordWriter) []byte {
			return w.record(recordApplication, []byte("GET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\n\r\n"))
		},
	} {
		before := d.CPUTime()
		w := shakeHands(d)
		w.subscribe("a")
		written, isGone := w.until(flood, func() []byte { return next(w) })
		if !isGone {
			t.Errorf("%s: still there after %d bytes", name, written)
		}
		t.Logf("%s: gone after %d bytes were handed to the kernel, %s of the daemon's time", name, written, d.CPUTime()-before)
	}
	// Without TLS the bound can be met to the byte.
	s := d.Open(d.Plain("subscribe=plain"))
	if _, err := s.Write([]byte(strings.Repeat("x", 4096))); err != nil {
		t.Fatal(err)
	}
	d.Send("plain", "still here")
	harness.WantMessage(t, s, "still here")
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Rest(); err == nil {
		t.Error("one byte too many: a clean end, want none")
	}
	if n := d.Status().Closed["excess_input"]; n < 2 {
		t.Errorf("%d are counted: %v", n, d.Status().Closed)
	}
	good.survived()
}

// TestT22LastEventID: an invented id costs at most a replay, and a storm of them delays nobody.
func TestT22LastEventID(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	for i := range 500 {
		d.Send("replay", strings.Repeat("x", 200)+strings.Repeat("y", i%7))
	}
	epoch, _, _ := strings.Cut(d.Status().LastEventID, "-")
	good := attackedGoodStreams(d)
	before := d.ResidentBytes()

	ids := []string{
		"", epoch + "-0", epoch + "-1", epoch + "-499", epoch + "-500", epoch + "-501", epoch + "-18446744073709551615",
		epoch + "-18446744073709551616", epoch + "--1", epoch + "-1e3", epoch + "-٣", "0-0", "-", "x", epoch, strings.Repeat("9", 255),
		"aaaa-" + strings.Repeat("0", 200) + "1", "%00", "../../etc/passwd", `";drop`, epoch + "-0x10",
	}
	for _, id := range ids {
		r := d.Plain("subscribe=replay")
		r.LastEventID = id
		s, err := subscriber.Open(t.Context(), r)
		if err != nil {
			t.Fatalf("id %q: %v", id, err)
		}
		if s.Status != 200 {
			t.Errorf("id %q: status %d", id, s.Status)
		}
		s.Close()
	}
	// The storm: each of them asks for everything, and most of them read nothing of it.
	storm := int64(600)
	if harness.Measured() {
		storm = 12_000 // some seconds of it
	}
	var opened atomic.Int64
	attack := make(chan error, 8)
	for range cap(attack) {
		go func() {
			for n := opened.Add(1); n <= storm; n = opened.Add(1) {
				r := d.Plain("subscribe=replay")
				r.LastEventID, r.ReadBuffer = "made-"+strings.Repeat("1", int(n%20)+1), 1024
				s, err := subscriber.Open(t.Context(), r)
				if err != nil {
					attack <- err
					return
				}
				if n%4 == 0 {
					_, _ = s.Next()
				}
				s.Close()
			}
			attack <- nil
		}()
	}
	for range cap(attack) {
		if err := <-attack; err != nil {
			t.Error(err)
		}
	}
	if grown := d.ResidentBytes() - before; grown > 64<<20 {
		t.Errorf("the storm has made the daemon grow by %d MiB", grown>>20)
	}
	good.survived()
}
