package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"testing"
)

// trickle is a descriptor whose bytes come in steps of so many, each after a read that would block,
// and then end.
type trickle struct {
	sink
	bytes []byte
	step  int
	ready bool
	end   error
}

func (d *trickle) Read(p []byte) (int, error) {
	if d.ready = !d.ready; d.ready {
		return 0, errBlocked
	}
	if len(d.bytes) == 0 {
		return 0, d.end
	}
	n := copy(p[:min(len(p), d.step)], d.bytes)
	d.bytes = d.bytes[n:]
	return n, nil
}

// drainHello reads to the end as crypto/tls does, and returns what each read gave.
func drainHello(t *testing.T, d Descriptor) (reads [][]byte, end error) {
	t.Helper()
	var h hello
	p := make([]byte, 576)
	for {
		n, err := h.read(d, p)
		if err != nil && wouldBlock(err) {
			continue
		}
		if err != nil {
			return reads, err
		}
		reads = append(reads, bytes.Clone(p[:n]))
	}
}

func TestHelloIsCutIntoEqualParts(t *testing.T) {
	t.Parallel()
	end := errors.New("the end")
	for size, parts := range map[int]int{1: 1, 300: 1, maxPart: 1, maxPart + 1: 2, 2 * maxPart: 2, 2*maxPart + 1: 4, 1500: 4, 1800: 4, MaxSeal: 32} {
		for _, step := range []int{1, 7, MaxSeal + 100} {
			t.Run(fmt.Sprintf("%d bytes in steps of %d", size, step), func(t *testing.T) {
				t.Parallel()
				body, after := noise(size), []byte{20, 3, 3, 0, 1, 1}
				record := append(recordHeader(22, size), body...)
				reads, err := drainHello(t, &trickle{bytes: append(record, after...), step: step, end: end})
				if !errors.Is(err, end) {
					t.Errorf("ends with %v", err)
				}
				if len(reads) < parts {
					t.Fatalf("%d reads, want %d parts", len(reads), parts)
				}
				var got []byte
				for i, r := range reads[:parts] {
					n := len(r) - headerLen
					if !bytes.Equal(r[:headerLen], recordHeader(22, n)) || n > maxPart {
						t.Fatalf("part %d of %d bytes has the header % x", i, n, r[:headerLen])
					}
					got = append(got, r[headerLen:]...)
				}
				if !bytes.Equal(got, body) {
					t.Error("the parts are not the record")
				}
				if rest := bytes.Join(reads[parts:], nil); !bytes.Equal(rest, after) {
					t.Errorf("after the record % x, want % x", rest, after)
				}
			})
		}
	}
}

func TestWhatIsNoHelloIsNotCut(t *testing.T) {
	t.Parallel()
	for name, first := range firstBytes {
		if len(first.bytes) >= headerLen && first.bytes[0] == 22 && first.bytes[1] == 3 && first.bytes[3] < 0x40 {
			continue // a record, whatever is in it
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reads, err := drainHello(t, &trickle{bytes: first.bytes, step: 3, end: io.EOF})
			if got := bytes.Join(reads, nil); !bytes.Equal(got, first.bytes) || !errors.Is(err, io.EOF) {
				t.Errorf("read % x and %v, want % x and EOF", got, err, first.bytes)
			}
		})
	}
}

// An end inside the record must not look like one between two records, wherever the cuts are.
func TestHelloThatEnds(t *testing.T) {
	t.Parallel()
	record := append(recordHeader(22, 1500), noise(1500)...)
	for n := range record {
		reads, err := drainHello(t, &trickle{bytes: record[:n], step: 600, end: io.EOF})
		if !errors.Is(err, io.EOF) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		if n == 0 {
			continue
		}
		if len(reads) == 0 {
			t.Fatalf("after %d bytes: nothing was handed on", n)
		}
		if last := reads[len(reads)-1]; len(last) >= headerLen && len(last) == headerLen+int(last[3])<<8+int(last[4]) {
			t.Fatalf("after %d bytes: the last part, % x, is whole", n, last[:headerLen])
		}
	}
}

// crypto/tls reads into what is free in its buffer, so the largest read shows the size of the
// buffer that it keeps.
func TestReadBufferStaysSmall(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for name, client := range map[string]*tls.Config{"X25519": clientConfig(v), "defaults": everyday(v)} {
			t.Run(tls.VersionName(v)+"/"+name, func(t *testing.T) {
				t.Parallel()
				c := afterHandshake(t, client, nil, func(d Descriptor) *Conn { return newConn(d, serverConfig(v)) })
				if _, err := c.ReadPlain(make([]byte, 2048)); err == nil {
					t.Error("read something from a client that sent nothing")
				}
				if room := c.crypto.Load().wire.room; room > 600 {
					t.Errorf("crypto/tls asked for %d bytes at once, want at most 600", room)
				}
			})
		}
	}
}
