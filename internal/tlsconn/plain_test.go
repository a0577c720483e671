package tlsconn

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestPlainPassesBytesThrough(t *testing.T) {
	t.Parallel()
	for how, s := range map[string]script{
		"at once":      {},
		"byte by byte": {reads: stutter(), writes: stutter()},
		"uneven":       {reads: cycle(1, 0, 7), writes: cycle(0, 3, 1), silent: true},
	} {
		l := newLink()
		ready := make(chan struct{}, 1)
		l.onEvent(func() {
			select {
			case ready <- struct{}{}:
			default:
			}
		})
		c := NewPlain(&steppedEnd{l: l, script: s})
		started := false
		c.Start(NewGate(1, nil), func(err error) { started = err == nil })
		if !started {
			t.Fatal("Start did not call done(nil) before it returned")
		}
		c.Wake()
		c.Abort(io.ErrClosedPipe)
		client := clientEnd{l}
		if _, err := client.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		client.CloseWrite()

		var o outcome
		o.converse(t, c, greeting, ready)

		if string(o.plain) != "GET / HTTP/1.1\r\n\r\n" || !errors.Is(o.read, io.EOF) {
			t.Errorf("%s: read %q and %v", how, o.plain, o.read)
		}
		if want := bytes.Join(greeting, nil); !bytes.Equal(l.said(), want) || o.write != nil {
			t.Errorf("%s: wrote %q and %v, want %q", how, l.said(), o.write, want)
		}
	}
}

func TestPlainKeepsWhatIsNotTaken(t *testing.T) {
	t.Parallel()
	d := &tap{room: 2}
	c := NewPlain(d)
	if err := c.Seal([]byte("abcde")); err != nil || c.Pending() != 3 {
		t.Fatalf("after a short write: %v, pending %d, want 3", err, c.Pending())
	}
	if err := c.CloseNotify(); err != nil {
		t.Fatal(err)
	}
	d.room = 10
	if want, err := c.Flush(); want || err != nil || c.Pending() != 0 || string(d.got) != "abcde" {
		t.Errorf("after flush: want more %v, error %v, pending %d, descriptor got %q", want, err, c.Pending(), d.got)
	}
}

func TestPlainRemembersTheEnd(t *testing.T) {
	t.Parallel()
	d := &fed{end: io.ErrClosedPipe}
	c := NewPlain(d)
	for range 2 {
		if _, err := c.ReadPlain(make([]byte, 4)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v, want the descriptor's error", err)
		}
	}
	if d.reads != 1 {
		t.Errorf("descriptor was read %d times, want once", d.reads)
	}
	if c.Version() != 0 || c.CipherSuite() != 0 || c.ServerName() != "" {
		t.Error("a plain connection claims TLS")
	}
}

func TestPlainDoesNotAllocate(t *testing.T) {
	c := NewPlain(sink{})
	p := make([]byte, 172)
	if got := testing.AllocsPerRun(100, func() {
		if err := c.Seal(p); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ReadPlain(p); !errors.Is(err, errBlocked) {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("a write and a read allocate %v times, want none", got)
	}
}
