//go:build !reactordebug

package reactor

import "testing"

// The check of the debug build prints a stack trace to know the goroutine.
func TestTurnDoesNotAllocate(t *testing.T) {
	turn := echoTurn(t)
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%v allocations in a turn with a read, a write and two times would block", n)
	}
}
