package send

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// numbers yields messages 0 to n-1 of some length, then err.
type numbers struct {
	n, length int
	err       error
	given     int
}

func (s *numbers) next() (item, error) {
	if s.given == s.n {
		return item{}, s.err
	}
	s.given++
	return item{data: fmt.Sprintf("%-*d", s.length, s.given-1)}, nil
}

func (s *numbers) remark() string { return "" }

func TestQueueKeepsOrderAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		q := newQueue()
		go q.fill(&numbers{n: 1000, err: broken})
		got := 0
		for {
			items, err := q.take()
			if err != nil {
				if !errors.Is(err, broken) || got != 1000 {
					t.Errorf("%v after %d messages", err, got)
				}
				return
			}
			for _, next := range items {
				if strings.TrimSpace(next.data) != fmt.Sprint(got) {
					t.Fatalf("message %d is %q", got, next.data)
				}
				got++
			}
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			length, want int // messages that wait
		}{{1, maxQueued}, {maxQueuedBytes / 4, 4}, {maxQueuedBytes + 1, 1}} {
			s := &numbers{n: 1000, length: tt.length, err: io.EOF}
			q := newQueue()
			go q.fill(s)
			synctest.Wait()
			if s.given != tt.want+1 { // one has been read, and waits for room
				t.Errorf("%d messages of %d bytes were read", s.given, tt.length)
			}
			if items, err := q.take(); err != nil || len(items) != tt.want {
				t.Errorf("took %d, %v", len(items), err)
			}
			q.stop() // or the goroutine would stay
		}
	})
}

func TestQueueWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		q := newQueue()
		go q.fill(newLines(r))
		taken := make(chan []item)
		go func() {
			items, _ := q.take()
			taken <- items
		}()
		synctest.Wait()
		fmt.Fprint(w, "one\ntw") // what is complete comes out, before the rest
		if items := <-taken; len(items) != 1 || items[0].data != "one" {
			t.Errorf("took %q", items)
		}
		_ = w.Close()
		if items, err := q.take(); err != nil || len(items) != 1 || items[0].data != "tw" {
			t.Errorf("took %q, %v", items, err)
		}
		if _, err := q.take(); !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %v", err)
		}
	})
}
