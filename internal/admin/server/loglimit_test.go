package server

import (
	"testing"
	"time"
)

func TestLogLimiter(t *testing.T) {
	var l logLimiter
	now := time.Unix(1000, 0)
	for i := range logRecords + 7 {
		written, missing := l.next(now.Add(time.Duration(i) * time.Millisecond))
		if want := i < logRecords; written != want || missing != 0 {
			t.Errorf("record %d: %v, %d", i, written, missing)
		}
	}
	if written, missing := l.next(now.Add(logWindow)); !written || missing != 7 {
		t.Errorf("in the next window: %v, %d", written, missing)
	}
	if written, missing := l.next(now.Add(logWindow)); !written || missing != 0 {
		t.Errorf("after it: %v, %d", written, missing)
	}
}
