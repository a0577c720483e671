package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"reflect"
	"runtime"
	"testing"
)

// readBufferOf is how large the read buffer within crypto/tls is.
func readBufferOf(t *testing.T, c *Conn) int {
	t.Helper()
	f := reflect.ValueOf(c.crypto.Load().tls).Elem().FieldByName("rawInput")
	if !f.IsValid() {
		t.Fatal("this version of Go keeps its read buffer elsewhere: see readbuffer.go")
	}
	return f.FieldByName("buf").Cap()
}

func TestALargeRecordCostsNothingAfterwards(t *testing.T) {
	if !isReachable {
		t.Fatal("this version of Go keeps its read buffer elsewhere: see readbuffer.go")
	}
	forBothVersions(t, func(t *testing.T, version uint16) {
		c, _, h := connected(t, version, byCrypto)
		for _, n := range []int{MaxSeal, 60, MaxSeal, 3000, 1, 0, MaxSeal} {
			want := noise(n)
			h.send(typeData, want)
			if got, err := readAll(c); !bytes.Equal(got, want) || !errors.Is(err, errBlocked) {
				t.Fatalf("of a record of %d bytes came %d, %v", n, len(got), err)
			}
			if held := readBufferOf(t, c); held > readBufferKeep {
				t.Errorf("a record of %d bytes has left a buffer of %d", n, held)
			}
		}
	})
}

func TestALargeRecordInPieces(t *testing.T) {
	forBothVersions(t, func(t *testing.T, version uint16) {
		for _, reads := range [][]int{{1, 0}, {5, 0, 100, 0}, {3000, 0}, {16000, 0, 1, 0}} {
			c, e, h := connected(t, version, byCrypto)
			e.reads = cycle(reads...)
			want := append(noise(MaxSeal), noise(200)...)
			h.send(typeData, want[:MaxSeal])
			h.send(typeData, want[MaxSeal:])
			var got []byte
			for len(got) < len(want) {
				more, err := readAll(c)
				if !errors.Is(err, errBlocked) {
					t.Fatalf("reads of %v: %v", reads, err)
				}
				got = append(got, more...)
			}
			if _, err := readAll(c); !bytes.Equal(got, want) || !errors.Is(err, errBlocked) {
				t.Fatalf("reads of %v: got other bytes, or %v", reads, err)
			}
			if held := readBufferOf(t, c); held > readBufferKeep {
				t.Errorf("reads of %v have left a buffer of %d", reads, held)
			}
		}
	})
}

// The memory of a stream whose request came in one record of 16 KiB, as the collector sees it.
func TestMemoryOfALargeRecordIsFree(t *testing.T) {
	const conns = 50
	held := make([]*Conn, conns)
	heap := func(payload int) uint64 {
		for i := range held {
			c, _, h := connected(t, tls.VersionTLS13, byCrypto)
			h.send(typeData, make([]byte, payload))
			if _, err := readAll(c); !errors.Is(err, errBlocked) {
				t.Fatal(err)
			}
			c.forget() // lets go of the client
			held[i] = c
		}
		live, _ := memory()
		runtime.KeepAlive(held)
		clear(held)
		return live
	}
	heap(60) // what is made once
	small, large := heap(60), heap(MaxSeal)
	if more := (int64(large) - int64(small)) / conns; more > 2000 {
		t.Errorf("a connection holds %d bytes more after a record of 16 KiB than after one of 60 bytes", more)
	}
}
