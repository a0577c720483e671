package jetstream

import (
	"testing"
	"time"
)

func TestStreamLimits(t *testing.T) {
	t.Parallel()
	small := streamLimits(Limits{})
	if small.Events != leastEvents || small.Bytes != leastStreamBytes || small.Age != leastAge || small.DedupWindow > small.Age {
		t.Errorf("without a history: %+v", small)
	}
	large := streamLimits(Limits{Events: 1e6, Bytes: 1 << 30, Age: time.Hour, DedupWindow: 10 * time.Minute, MessageBytes: 1 << 20})
	if large.Events != 1e6 || large.Bytes != 1<<30 || large.Age != time.Hour || large.DedupWindow != 10*time.Minute {
		t.Errorf("a long history: %+v", large)
	}
	if CheckPayload(1<<20, 64<<10) != nil || CheckPayload(64<<10, 64<<10) == nil {
		t.Error("max_payload is not compared with limits.message_bytes")
	}
}
