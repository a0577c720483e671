package sse

import (
	"testing"
	"time"
)

func TestReauthorizeIsAnEventWithoutAnID(t *testing.T) {
	const want = "retry: 1500\nevent: hasses.reauth\ndata: {\"reason\":\"expired\"}\n\n"
	if got := string(Reauthorize(1500 * time.Millisecond)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
