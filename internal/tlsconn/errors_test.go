package tlsconn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
)

func TestSettleTellsNotNowFromNever(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		err    error
		notNow bool
	}{
		{"would block", errBlocked, true},
		{"would block, wrapped", fmt.Errorf("read: %w", errBlocked), true},
		{"would block, in an OpError", &net.OpError{Op: "read", Err: errBlocked}, true},
		{"end of stream", io.EOF, false},
		{"reset", syscall.ECONNRESET, false},
		{"reset, in an OpError", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, false},
		{"kernel's timeout, which calls itself temporary", syscall.ETIMEDOUT, false},
		{"kernel's timeout, wrapped", fmt.Errorf("read: %w", syscall.ETIMEDOUT), false},
	} {
		got := settle(tt.err)
		if wouldBlock(got) != tt.notNow {
			t.Errorf("%s: means not now: %v, want %v", tt.name, !tt.notNow, tt.notNow)
		}
		// What crypto/tls asks: the error itself, not what it wraps.
		t1, ok := got.(temporary) //nolint:errorlint // crypto/tls does not unwrap
		if asked := ok && t1.Temporary(); asked != tt.notNow {
			t.Errorf("%s: crypto/tls would forget it: %v, want %v", tt.name, asked, tt.notNow)
		}
		if !tt.notNow && (!errors.Is(got, tt.err) || got.Error() != tt.err.Error()) {
			t.Errorf("%s: became %v", tt.name, got)
		}
	}
}

func TestSettleDoesNotAllocate(t *testing.T) {
	if got := testing.AllocsPerRun(100, func() {
		if !wouldBlock(settle(errBlocked)) {
			t.Fatal("would-block was taken for a lasting error")
		}
	}); got != 0 {
		t.Errorf("settle allocates %v times, want none", got)
	}
}
