package lines

import (
	"bytes"
	"testing"
)

func TestAnIdleSplitterHoldsNoLargeBuffer(t *testing.T) {
	t.Parallel()
	s := New(';', nil)
	limit := func() int { return 2 << 20 }
	commands := 0
	visit := func([]byte, End) { commands++ }
	s.Feed([]byte("a="), limit, visit)
	s.Feed(bytes.Repeat([]byte("x"), 1<<20), limit, visit)
	s.Feed([]byte("\n"), limit, visit)
	if c := cap(s.partial); c > KeptBuffer || commands != 1 {
		t.Errorf("an idle splitter holds %d bytes after %d commands", c, commands)
	}
}

func TestACommandWithoutMemoryIsSkippedToItsEnd(t *testing.T) {
	t.Parallel()
	var held []int
	s := New(0, func(bytes int) bool {
		held = append(held, bytes)
		return bytes <= 1024
	})
	limit := func() int { return 1 << 20 }
	var got []string
	visit := func(command []byte, end End) {
		got = append(got, map[End]string{Whole: "whole ", TooLong: "too long ", NoRoom: "no room "}[end]+string(command[:min(len(command), 3)]))
	}
	s.Feed([]byte("one"), limit, visit)
	s.Feed(bytes.Repeat([]byte("x"), 4096), limit, visit)
	s.Feed([]byte("still the same\ntwo\n"), limit, visit)
	if len(got) != 2 || got[0] != "no room one" || got[1] != "whole two" {
		t.Errorf("got %q", got)
	}
	if len(held) != 2 || held[0] != 512 {
		t.Errorf("asked for %d", held)
	}
}
