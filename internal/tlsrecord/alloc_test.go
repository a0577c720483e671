//go:build !race

package tlsrecord

import "testing"

func TestSealingWithAHotKeyDoesNotAllocate(t *testing.T) {
	for s := AES128GCM; s <= ChaCha20Poly1305; s++ {
		r := newRing(Options{HotBytes: 1 << 20})
		name := add(t, r, s, counting(1, s.SecretLen()), counting(2, s.SecretLen()), 0)
		p := make([]byte, 172)
		if n := testing.AllocsPerRun(100, func() { r.Seal(name, ApplicationData, p) }); n != 0 {
			t.Errorf("suite %d: %v allocations", s, n)
		}
	}
}
