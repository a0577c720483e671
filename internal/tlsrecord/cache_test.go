package tlsrecord

import (
	"crypto/cipher"
	"errors"
	"runtime"
	"testing"
)

func TestHotKeysAreUsedAgain(t *testing.T) {
	t.Parallel()
	made := 0
	r := newRing(Options{HotBytes: 10 * hotBytes})
	r.aeadOf = func(s Suite, key []byte) cipher.AEAD { made++; return s.aead(key) }
	var names []Keys
	for i := range 10 {
		names = append(names, add(t, r, AES128GCM, counting(i, 32), counting(50+i, 32), 0))
	}
	for range 20 {
		for _, name := range names {
			r.Seal(name, ApplicationData, []byte("x"))
		}
	}
	if made != 10 {
		t.Errorf("10 connections made %d AEADs with room for 10", made)
	}
	for i := range 1000 { // connections come and go
		r.Remove(names[i%10])
		names[i%10] = add(t, r, AES128GCM, counting(i, 32), counting(i+1, 32), 0)
		r.Seal(names[i%10], ApplicationData, []byte("x"))
	}
	if n, _, _ := r.Hot(); n != 10 {
		t.Errorf("after a thousand connections, ten of them open, %d are hot", n)
	}
	made = 0
	for range 20 {
		for _, name := range names {
			r.Seal(name, ApplicationData, []byte("x"))
		}
	}
	if made != 0 {
		t.Errorf("ten connections in their places made %d AEADs", made)
	}
}

// With twice as many connections as there is room for, in turn, about every second finds its AEAD.
func TestRandomReplacementKeepsAShare(t *testing.T) {
	t.Parallel()
	r := newRing(Options{HotBytes: 500 * hotBytes})
	var names []Keys
	for i := range 1000 {
		names = append(names, add(t, r, ChaCha20Poly1305, counting(i, 32), counting(i+1, 32), 0))
	}
	for range 10 {
		for _, name := range names {
			r.Seal(name, ApplicationData, []byte("x"))
		}
	}
	if _, hits, misses := r.Hot(); hits < misses/5 {
		t.Errorf("%d found, %d not found", hits, misses)
	}
}

func TestDroppingHotKeys(t *testing.T) {
	t.Parallel()
	r := newRing(Options{HotBytes: 100 * hotBytes})
	name := add(t, r, AES256GCM, counting(1, 48), counting(2, 48), 0)
	r.Seal(name, ApplicationData, []byte("x"))
	if n, _, _ := r.Hot(); n != 1 {
		t.Fatalf("%d hot", n)
	}
	r.SetHotBytes(0)
	for range 3 {
		r.Seal(name, ApplicationData, []byte("x"))
		if n, _, _ := r.Hot(); n != 0 {
			t.Errorf("%d hot without room", n)
		}
	}
	r.SetHotBytes(100 * hotBytes)
	r.Seal(name, ApplicationData, []byte("x"))
	if n, _, _ := r.Hot(); n != 1 {
		t.Errorf("%d hot with room again", n)
	}
}

// hotBytes is what it says, for the suites that keep much.
func TestWhatAHotKeyCosts(t *testing.T) {
	const conns = 5000
	r := newRing(Options{HotBytes: conns * hotBytes})
	names := make([]Keys, conns)
	for i := range names {
		names[i] = add(t, r, AES128GCM, counting(1, 32), counting(2, 32), 0)
	}
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	r.SetHotBytes(0) // forget what came with the keys
	r.SetHotBytes(conns * hotBytes)
	before := live()
	for _, name := range names {
		r.Seal(name, ApplicationData, []byte("x"))
	}
	if each := int(live()-before) / conns; each > hotBytes*11/10 || each < hotBytes/2 {
		t.Errorf("a hot key costs %d bytes, and is counted as %d", each, hotBytes)
	}
	runtime.KeepAlive(r)
}

func TestWithoutMemory(t *testing.T) {
	t.Parallel()
	none := errors.New("none left")
	r := newRing(Options{Memory: func(int) ([]byte, error) { return nil, none }})
	if name, err := r.Add(counting(1, 32), NewOpener(AES128GCM, counting(2, 32))); !errors.Is(err, none) || name != 0 {
		t.Errorf("got %d, %v", name, err)
	}
	if r.Len() != 0 {
		t.Errorf("%d connections", r.Len())
	}
}

func TestT39RemovedKeysAreGone(t *testing.T) {
	t.Parallel()
	r := newRing(Options{HotBytes: 1 << 20})
	name := add(t, r, AES128GCM, counting(1, 32), counting(2, 32), 0)
	r.Seal(name, ApplicationData, []byte("x"))
	r.Remove(name)
	if n, _, _ := r.Hot(); n != 0 || *r.slabs.at(name) != (keys{next: r.slabs.at(name).next}) {
		t.Error("something is left")
	}
	defer func() {
		if recover() == nil {
			t.Error("removed keys can be used")
		}
	}()
	r.Seal(name, ApplicationData, []byte("x"))
}
