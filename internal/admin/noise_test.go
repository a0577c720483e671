package admin

import (
	"testing"
	"time"
)

func TestNoiseIsBounded(t *testing.T) {
	var n noise
	now := time.Unix(1000, 0)
	for i := range noiseRecords + 7 {
		written, missing := n.next(now.Add(time.Duration(i) * time.Millisecond))
		if want := i < noiseRecords; written != want || missing != 0 {
			t.Errorf("record %d: %v, %d", i, written, missing)
		}
	}
	if written, missing := n.next(now.Add(noiseWindow)); !written || missing != 7 {
		t.Errorf("in the next window: %v, %d", written, missing)
	}
	if written, missing := n.next(now.Add(noiseWindow)); !written || missing != 0 {
		t.Errorf("after it: %v, %d", written, missing)
	}
}
