package logx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is what a log is written to. It can be stuck, as a pipe that nobody reads is, or fail.
type sink struct {
	mu     sync.Mutex // guards what follows
	text   bytes.Buffer
	writes int
	free   chan struct{} // closed when it takes something; nil: it does
	err    error
	part   int // with err: of how many bytes
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	free := s.free
	s.mu.Unlock()
	if free != nil {
		<-free
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	if s.err != nil {
		n := min(s.part, len(p))
		s.part -= n
		s.text.Write(p[:n])
		return n, s.err
	}
	s.text.Write(p)
	return len(p), nil
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// stick makes writes wait until the returned function is called.
func (s *sink) stick() (release func()) {
	free := make(chan struct{})
	s.mu.Lock()
	s.free = free
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		s.free = nil
		s.mu.Unlock()
		close(free)
	}
}

func (s *sink) fail(err error, part int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.part = err, part
}

func newSpool(limit int, out io.Writer) *spool {
	return &spool{
		limit: limit,
		chunk: sharedChunk,
		write: out.Write,
		notice: func(lost uint64, _ time.Time) []byte {
			return fmt.Appendf(nil, "%d lost\n", lost)
		},
	}
}

func (s *spool) log(t *testing.T, record string) {
	t.Helper()
	if n, err := s.Write([]byte(record)); n != len(record) || err != nil {
		t.Errorf("Write: %d, %v", n, err)
	}
}

func flushed(t *testing.T, s *spool) {
	t.Helper()
	if !s.flush(t.Context()) {
		t.Fatal("not everything is written")
	}
}

func TestNobodyWaitsForALogThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out sink
		release := out.stick()
		s := newSpool(100*(8+recordCost), &out)
		began := time.Now()
		for i := range 1000 {
			s.log(t, fmt.Sprintf("line %02d\n", i%100))
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("loggers waited %v", took)
		}
		if s.held > s.limit || s.lostTotal() != 900 {
			t.Errorf("%d bytes are held of %d, %d records are lost", s.held, s.limit, s.lostTotal())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s.flush(ctx) || time.Since(began) != time.Second {
			t.Errorf("flush ended after %v", time.Since(began))
		}
		release()
		flushed(t, s)
		var want strings.Builder
		for i := range 100 {
			fmt.Fprintf(&want, "line %02d\n", i)
		}
		want.WriteString("900 lost\n") // at once, though nobody logs any more
		if got := out.String(); got != want.String() {
			t.Errorf("got %q", got)
		}
		if out.writes > 3 {
			t.Errorf("%d writes", out.writes)
		}
	})
}

func TestTheNextRecordComesAfterTheNumberOfLostOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out sink
		release := out.stick()
		s := newSpool(2*(2+recordCost), &out)
		s.log(t, "a\n")
		synctest.Wait() // the writer has it
		s.log(t, "b\n")
		s.log(t, "c\n")
		s.log(t, strings.Repeat("d", 1000)) // larger than all of it
		release()
		for range 2 { // of which the first is told of by the second, or by the writer
			synctest.Wait()
			s.log(t, "e\n")
		}
		flushed(t, s)
		if got, want := out.String(), "a\nb\n2 lost\ne\ne\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if s.lostTotal() != 2 {
			t.Errorf("%d lost", s.lostTotal())
		}
	})
}

func TestARecordThatFitsTellsOfThoseThatDidNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out sink
		release := out.stick()
		s := newSpool(100, &out)
		s.log(t, "a\n")
		s.log(t, strings.Repeat("b", 80))
		s.log(t, "c\n")
		s.log(t, strings.Repeat("d", 80))
		release()
		flushed(t, s)
		if got, want := out.String(), "a\n1 lost\nc\n1 lost\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestWritesThatFailAreCounted(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		part int    // bytes that go out nevertheless
		want string // when it works again
		lost uint64
	}{
		{"a broken pipe", syscall.EPIPE, 0, "3 lost\nagain\n", 3},
		{"a full disk", syscall.ENOSPC, 4, "one\n2 lost\nagain\n", 2},
		{"a full disk in the middle of a record", syscall.ENOSPC, 6, "one\ntw\n2 lost\nagain\n", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out sink
				out.fail(c.err, c.part)
				s := newSpool(1000, &out)
				all := make(chan struct{})
				s.call(func() { <-all }) // so that the records are one batch
				s.log(t, "one\n")
				s.log(t, "two\n")
				s.log(t, "three\n")
				close(all)
				flushed(t, s)
				if s.lostTotal() != c.lost {
					t.Errorf("%d lost, want %d", s.lostTotal(), c.lost)
				}
				before := out.writes
				flushed(t, s)
				if out.writes != before {
					t.Error("what fails is tried again though nobody logs")
				}
				out.fail(nil, 0)
				s.log(t, "again\n")
				flushed(t, s)
				if got := out.String(); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestLossesAreToldOnceItWorksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out sink
		out.fail(errors.New("no"), 0)
		s := newSpool(1000, &out)
		for range 5 {
			s.log(t, "a\n")
			flushed(t, s)
		}
		out.fail(nil, 0)
		s.log(t, "b\n")
		flushed(t, s)
		if got, want := out.String(), "5 lost\nb\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestCallsComeInTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out sink
		release := out.stick()
		s := newSpool(1000, &out)
		mark := func(text string) func() { return func() { _, _ = out.Write([]byte(text)) } }
		s.call(mark("0 "))
		s.log(t, "a\n")
		s.call(mark("1 "))
		s.call(mark("2 "))
		s.log(t, "b\n")
		s.call(mark("3 "))
		release()
		flushed(t, s)
		if got, want := out.String(), "0 a\n1 2 b\n3 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestAWriteIsShortUnlessARecordIsLong(t *testing.T) {
	var sizes []int
	s := newSpool(1<<20, writerFunc(func(p []byte) (int, error) {
		if len(p) == 0 || p[len(p)-1] != '\n' {
			t.Errorf("a write ends in the middle of a record: %.20q", p)
		}
		sizes = append(sizes, len(p)) // flush happens after
		return len(p), nil
	}))
	long := strings.Repeat("x", 3*sharedChunk) + "\n"
	for range 200 {
		s.log(t, strings.Repeat("y", 99)+"\n")
	}
	s.log(t, long)
	flushed(t, s)
	for _, n := range sizes {
		if n > sharedChunk && n != len(long) {
			t.Errorf("a write of %d bytes", n)
		}
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestWhoHasTimeWaitsWhileTheLogGetsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pause = 10 * time.Millisecond
		var out bytes.Buffer
		s := newSpool(10_000, writerFunc(func(p []byte) (int, error) {
			<-time.After(pause)
			return out.Write(p)
		}))
		began := time.Now()
		for range 1000 {
			s.awaitRoom(t.Context())
			s.log(t, strings.Repeat("x", 99)+"\n")
		}
		flushed(t, s)
		if out.Len() != 100_000 || s.lostTotal() != 0 {
			t.Errorf("%d bytes are written, %d records are lost", out.Len(), s.lostTotal())
		}
		if took := time.Since(began); took < 20*pause {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAStuckLogCostsWhoHasTimeLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out sink
		release := out.stick()
		defer release()
		s := newSpool(10_000, &out)
		began := time.Now()
		for range 10_000 {
			s.awaitRoom(t.Context())
			s.log(t, strings.Repeat("x", 99)+"\n")
		}
		if took := time.Since(began); took != stuckAfter {
			t.Errorf("waited %v, want %v in all", took, stuckAfter)
		}
	})
}

func TestWhoHasTimeHasItOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSpool(10_000, writerFunc(func(p []byte) (int, error) {
			<-time.After(stuckAfter * 9 / 10) // slow, but not stuck
			return len(p), nil
		}))
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		for range 10_000 {
			s.awaitRoom(ctx)
			s.log(t, strings.Repeat("x", 99)+"\n")
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("waited %v", took)
		}
		flushed(t, s)
	})
}

func TestALogIsSafeForMany(t *testing.T) {
	var out sink
	s := newSpool(20_000, &out)
	var loggers sync.WaitGroup
	const each = 500
	for i := range 8 {
		loggers.Go(func() {
			for j := range each {
				s.log(t, fmt.Sprintf("%d %d\n", i, j))
			}
		})
	}
	loggers.Wait()
	flushed(t, s)
	last := map[string]int{}
	var lines, lost uint64
	for line := range strings.Lines(out.String()) {
		var i, j, n int
		if k, _ := fmt.Sscanf(line, "%d lost\n", &n); k == 1 && strings.HasSuffix(line, "lost\n") {
			lost += uint64(n)
			continue
		}
		if _, err := fmt.Sscanf(line, "%d %d\n", &i, &j); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		who := fmt.Sprint(i)
		if before, ok := last[who]; ok && before >= j {
			t.Errorf("%d of %s came after %d", j, who, before)
		}
		last[who] = j
		lines++
	}
	if lines+lost != 8*each || lost != s.lostTotal() {
		t.Errorf("%d lines, %d told as lost, %d counted", lines, lost, s.lostTotal())
	}
	if s.held != 0 {
		t.Errorf("%d bytes are held of nothing", s.held)
	}
}

func BenchmarkSpool(b *testing.B) {
	s := newSpool(spoolBytes, io.Discard)
	record := []byte(strings.Repeat("x", 149) + "\n")
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.Write(record)
	}
	s.flush(b.Context())
}
