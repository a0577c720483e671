package tlsconn

import (
	"errors"
	"io"
	"testing"
	"time"
)

// fed is a descriptor that has some bytes and then would block or ends.
type fed struct {
	sink
	bytes []byte
	end   error
	reads int
}

func (d *fed) Read(p []byte) (int, error) {
	d.reads++
	if len(d.bytes) == 0 {
		return 0, d.end
	}
	n := copy(p, d.bytes)
	d.bytes = d.bytes[n:]
	return n, nil
}

func TestLookAheadLosesNothing(t *testing.T) {
	t.Parallel()
	for _, step := range []int{1, 3, 600} {
		d := &fed{bytes: []byte("look ahead"), end: io.EOF}
		w := wire{out: output{d: d}}
		if err := w.lookAhead(make([]byte, 4)); err != nil {
			t.Fatalf("look ahead: %v", err)
		}
		got, p := "", make([]byte, step)
		for {
			n, err := w.Read(p)
			got += string(p[:n])
			if err != nil {
				if !errors.Is(err, io.EOF) || got != "look ahead" {
					t.Errorf("reads of %d bytes: got %q and then %v", step, got, err)
				}
				break
			}
		}
		if w.ahead != nil {
			t.Errorf("reads of %d bytes: the caller's buffer is still held", step)
		}
	}
}

func TestLookAheadLeavesWouldBlockAlone(t *testing.T) {
	t.Parallel()
	d := &fed{end: errBlocked}
	w := wire{out: output{d: d}}
	if err := w.lookAhead(make([]byte, 4)); !errors.Is(err, errBlocked) {
		t.Fatalf("got %v, want the descriptor's error", err)
	}
	d.bytes = []byte("later")
	p := make([]byte, 10)
	if n, err := w.Read(p); err != nil || string(p[:n]) != "later" {
		t.Errorf("got %q, %v", p[:n], err)
	}
}

func TestLookAheadHandsLastingErrorOn(t *testing.T) {
	t.Parallel()
	d := &fed{end: io.ErrClosedPipe}
	w := wire{out: output{d: d}}
	if err := w.lookAhead(make([]byte, 4)); err != nil {
		t.Fatalf("look ahead: %v, want the error left to crypto/tls", err)
	}
	d.end = io.EOF // a socket tells its error once
	for range 2 {
		if _, err := w.Read(make([]byte, 4)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v, want the first error", err)
		}
	}
}

func TestWireLeavesTheDescriptorToItsOwner(t *testing.T) {
	t.Parallel()
	d := &fed{bytes: []byte("open")}
	w := &wire{out: output{d: d}}
	past := time.Unix(1, 0)
	if err := errors.Join(w.SetDeadline(past), w.SetReadDeadline(past), w.SetWriteDeadline(past), w.Close()); err != nil {
		t.Fatalf("deadlines and Close: %v, want no effect", err)
	}
	p := make([]byte, 10)
	if n, err := w.Read(p); err != nil || string(p[:n]) != "open" {
		t.Errorf("read after Close and deadlines: %q, %v", p[:n], err)
	}
	if n, err := w.Write(p); err != nil || n != len(p) {
		t.Errorf("write after Close and deadlines: %d, %v", n, err)
	}
	for _, a := range []string{w.LocalAddr().String(), w.RemoteAddr().String(), w.LocalAddr().Network()} {
		if a == "" {
			t.Error("an address without text")
		}
	}
}
