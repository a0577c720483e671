//go:build !race

// The race detector makes sync.Pool forget at random, and crypto/tls seals through one.

package tlsconn

import (
	"errors"
	"testing"
)

func TestSealDoesNotAllocate(t *testing.T) {
	for _, v := range versions {
		c, _, _ := connected(t, v, byCrypto)
		c.forget()
		p := make([]byte, MaxSeal)
		for _, n := range []int{1, 172, MaxSeal} {
			if got := testing.AllocsPerRun(200, func() {
				if err := c.Seal(p[:n]); err != nil {
					t.Fatal(err)
				}
			}); got != 0 {
				t.Errorf("Seal of %d bytes allocates %v times, want none", n, got)
			}
		}
	}
}

func TestReadPlainThatWouldBlockDoesNotAllocate(t *testing.T) {
	for _, v := range versions {
		c, _, _ := connected(t, v, byCrypto)
		c.forget()
		p := make([]byte, 512)
		if got := testing.AllocsPerRun(200, func() {
			if _, err := c.ReadPlain(p); !errors.Is(err, errBlocked) {
				t.Fatal(err)
			}
		}); got != 0 {
			t.Errorf("ReadPlain allocates %v times, want none", got)
		}
	}
}
