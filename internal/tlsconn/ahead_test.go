package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"testing"
)

// counted is a descriptor that knows how often something was read from it.
type counted struct {
	Descriptor
	reads int
}

func (d *counted) Read(p []byte) (int, error) {
	n, err := d.Descriptor.Read(p)
	if n > 0 {
		d.reads++
	}
	return n, err
}

// A client's hello, and what follows our flight, are each read at once where they come at once,
// though crypto/tls gets them in parts and record by record.
func TestAHandshakeReadsWhatHasComeAtOnce(t *testing.T) {
	t.Parallel()
	for _, w := range []way{byCrypto, handedOver} {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			var d *counted
			afterHandshake(t, clientConfig(tls.VersionTLS13), nil, func(end Descriptor) *Conn {
				d = &counted{Descriptor: end}
				return w.newConn(d, serverConfig(tls.VersionTLS13))
			})
			// The client of this test writes ChangeCipherSpec and Finished one after the other.
			if d.reads > 3 {
				t.Errorf("%d reads brought bytes, want one for each write of the client at most", d.reads)
			}
		})
	}
}

// dribbling is a descriptor that brings a piece at a time, blocks between two of them, and ends.
type dribbling struct {
	sink
	rest  []byte
	piece int
	ready bool
}

func (d *dribbling) Read(p []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	if d.ready = !d.ready; !d.ready {
		return 0, errBlocked
	}
	n := copy(p[:min(len(p), d.piece)], d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// Whatever a descriptor brings and a reader asks for, nothing is lost, and nothing is kept where the
// reader has to wait.
func TestReadingAheadLosesNothing(t *testing.T) {
	t.Parallel()
	sent := noise(3*readAhead + 17)
	for _, piece := range []int{1, headerLen, 600, readAhead, 2 * readAhead} {
		for _, wants := range []int{1, headerLen, 435, readAhead - 1, readAhead, 2 * readAhead} {
			a := &ahead{Descriptor: &dribbling{rest: sent, piece: piece}}
			var got []byte
			p := make([]byte, wants)
			for {
				n, err := a.Read(p)
				got = append(got, p[:n]...)
				if err != nil && a.buffer != nil {
					t.Fatalf("pieces of %d, reads of %d: %d bytes are kept beside %v", piece, wants, len(a.rest), err)
				}
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil && !errors.Is(err, errBlocked) {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got, sent) {
				t.Errorf("pieces of %d, reads of %d: %d bytes, or others, want %d", piece, wants, len(got), len(sent))
			}
		}
	}
}

// What is left of the buffers that all handshakes share belongs to one of them.
func TestReadingAheadKeepsNoSharedBuffer(t *testing.T) {
	t.Parallel()
	first := &ahead{Descriptor: &dribbling{rest: []byte("first"), piece: 5}}
	second := &ahead{Descriptor: &dribbling{rest: []byte("third"), piece: 5}}
	one := make([]byte, 1)
	for _, a := range []*ahead{first, second} {
		if n, err := a.Read(one); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if a, b := first.end(), second.end(); string(a) != "irst" || string(b) != "hird" || first.end() != nil || first.buffer != nil {
		t.Errorf("%q and %q are kept", a, b)
	}
}
