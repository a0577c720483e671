package harness

import (
	"bytes"
	"fmt"
	"sync"
)

// Log collects what a process writes.
type Log struct {
	Mu  sync.Mutex
	Buf bytes.Buffer
}

func (l *Log) Write(p []byte) (int, error) {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	return l.Buf.Write(p)
}

// maxLog bounds how much of a log a failed test shows, in bytes.
const maxLog = 20000

func (l *Log) String() string {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	if over := l.Buf.Len() - maxLog; over > 0 {
		return fmt.Sprintf("[%d bytes before]\n%s", over, l.Buf.Bytes()[over:])
	}
	return l.Buf.String()
}

// Whole returns everything written so far.
func (l *Log) Whole() string {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	return l.Buf.String()
}

// WaitFor reports whether s is written within Patience. A process's log comes through a pipe, later than its responses.
func (l *Log) WaitFor(s string) bool { return Poll(Patience, func() bool { return l.Contains(s) }) }

// Contains reports whether s has been written so far. For what must come, use WaitFor.
func (l *Log) Contains(s string) bool {
	l.Mu.Lock()
	defer l.Mu.Unlock()
	return bytes.Contains(l.Buf.Bytes(), []byte(s))
}
