package threadstest

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestHold(t *testing.T) {
	defer goleak.VerifyNone(t)
	const n = 20
	release := Hold(n)
	tasks, err := os.ReadDir("/proc/self/task")
	release()
	if err != nil {
		t.Fatal(err)
	}
	if len(tasks) < n {
		t.Errorf("%d threads, want %d and more", len(tasks), n)
	}
}
