package tlsconn

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"
)

// tap is a descriptor whose writes take what the test allows.
type tap struct {
	room  int // bytes it takes before it would block
	err   error
	got   []byte
	calls int
}

func (d *tap) Read([]byte) (int, error) { return 0, errBlocked }

func (d *tap) Write(p []byte) (int, error) {
	d.calls++
	if d.err != nil {
		return 0, d.err
	}
	n := min(len(p), d.room)
	d.room -= n
	d.got = append(d.got, p[:n]...)
	if n < len(p) {
		return n, errBlocked
	}
	return n, nil
}

func TestOutputKeepsWhatIsNotTakenInOrder(t *testing.T) {
	t.Parallel()
	for room := range 14 {
		d := &tap{room: room}
		o := output{d: d}
		for _, s := range []string{"one ", "two ", "three"} {
			if err := o.write([]byte(s)); err != nil {
				t.Fatalf("room for %d: %v", room, err)
			}
		}
		for want := true; want; {
			d.room++
			var err error
			if want, err = o.flush(); err != nil {
				t.Fatalf("room for %d: %v", room, err)
			}
		}
		if string(d.got) != "one two three" {
			t.Errorf("room for %d: descriptor got %q", room, d.got)
		}
		if o.rest != nil {
			t.Errorf("room for %d: the buffer is still held after the last byte", room)
		}
	}
}

func TestOutputDoesNotKeepTheCallersBytes(t *testing.T) {
	t.Parallel()
	d := &tap{}
	o := output{d: d}
	p := []byte("original")
	if err := o.write(p); err != nil {
		t.Fatal(err)
	}
	copy(p, "changed!")
	d.room = 100
	if _, err := o.flush(); err != nil || string(d.got) != "original" {
		t.Errorf("descriptor got %q, error %v", d.got, err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	t.Parallel()
	d := &tap{}
	o := output{d: d}
	// One write into an empty buffer is taken whatever its size: a certificate chain may be long.
	if err := o.write(make([]byte, maxBacklog+1)); err != nil {
		t.Fatalf("first write: %v", err)
	}
	if err := o.write([]byte("x")); !errors.Is(err, ErrBacklog) {
		t.Fatalf("write over the bound: got %v, want ErrBacklog", err)
	}
	if o.rest != nil {
		t.Error("the buffer is still held after the bound was reached")
	}
	d.room = 100
	if err := o.write([]byte("x")); !errors.Is(err, ErrBacklog) {
		t.Errorf("write after the bound was reached: got %v, want ErrBacklog", err)
	}
	if want, err := o.flush(); want || !errors.Is(err, ErrBacklog) {
		t.Errorf("flush after the bound was reached: got %v, %v, want ErrBacklog", want, err)
	}
}

func TestOutputRemembersTheDescriptorsError(t *testing.T) {
	t.Parallel()
	for _, fails := range []error{io.ErrClosedPipe, syscall.EPIPE, syscall.ETIMEDOUT} {
		d := &tap{room: 3}
		o := output{d: d}
		if err := o.write([]byte("kept back")); err != nil {
			t.Fatal(err)
		}
		d.err = fails
		if want, err := o.flush(); want || !errors.Is(err, fails) {
			t.Errorf("flush: got %v, %v, want %v", want, err, fails)
		}
		calls := d.calls
		if err := o.write([]byte("more")); !errors.Is(err, fails) {
			t.Errorf("write: got %v, want %v", err, fails)
		}
		if d.calls != calls || o.rest != nil {
			t.Errorf("a dead descriptor was used again, or %d bytes are still held for it", len(o.rest))
		}
	}
}

// leaving is a descriptor whose peer takes a little more and resets the connection before the next
// call.
type leaving struct{ tap }

func (d *leaving) Write(p []byte) (int, error) {
	if d.room == 0 {
		return 0, syscall.ECONNRESET
	}
	n := min(len(p), d.room)
	d.room = 0
	return n, nil
}

func TestThePeerLeavesInTheMiddleOfAWrite(t *testing.T) {
	t.Parallel()
	for _, flushes := range []bool{false, true} {
		d := &leaving{}
		o := output{d: d}
		if flushes {
			o.rest = []byte("kept back")
		}
		d.room = 4
		var want bool
		var err error
		if flushes {
			want, err = o.flush()
		} else {
			err = o.write([]byte("all at once"))
		}
		if want || !errors.Is(err, syscall.ECONNRESET) || o.rest != nil {
			t.Errorf("flush %v: got %v, %v, and %d bytes are still held, want ECONNRESET", flushes, want, err, len(o.rest))
		}
	}
}

func TestFlushWithoutOutputAsksNothing(t *testing.T) {
	t.Parallel()
	d := &tap{}
	o := output{d: d}
	if want, err := o.flush(); want || err != nil || d.calls != 0 {
		t.Errorf("got %v, %v and %d calls, want nothing", want, err, d.calls)
	}
}

// idle is a descriptor that breaks its duty: neither bytes nor an error.
type idle struct{ sink }

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestReadWithoutProgressIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := input(idle{}, make([]byte, 1)); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("got %v, want io.ErrNoProgress: crypto/tls would read for ever", err)
	}
}

// talkative returns bytes and an error at once, and the error again.
type talkative struct{ sink }

func (talkative) Read(p []byte) (int, error) { return copy(p, "last"), io.EOF }

func TestBytesBesideAnErrorAreNotLost(t *testing.T) {
	t.Parallel()
	p := make([]byte, 10)
	if n, err := input(talkative{}, p); err != nil || !bytes.Equal(p[:n], []byte("last")) {
		t.Errorf("got %q, %v", p[:n], err)
	}
}
