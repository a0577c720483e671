package tlsconn

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

func TestMissingFollowsRecords(t *testing.T) {
	t.Parallel()
	stream := append(append(recordHeader(22, 3), 1, 2, 3), append(recordHeader(20, 1), 1)...)
	stream = append(stream, recordHeader(23, 0)...)
	var tr Trace
	var got []int
	for _, b := range stream {
		got = append(got, tr.missing())
		tr.Received([]byte{b})
	}
	got = append(got, tr.missing())
	want := []int{5, 4, 3, 2, 1, 3, 2, 1, 5, 4, 3, 2, 1, 1, 5, 4, 3, 2, 1, 5}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("missing %v, want %v", got, want)
		}
	}
}

// TestRandomFraming reads random records through the window that missing allows, in pieces of any size: no piece goes
// beyond its record, and the end of each is seen. HASSESD_RECORDS sets another number of pieces; it was 10^8 once.
func TestRandomFraming(t *testing.T) {
	t.Parallel()
	n, seed := 300_000, uint64(1)
	if text := os.Getenv("HASSESD_RECORDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		seed = rand.Uint64()
	}
	t.Logf("%d pieces with seed %d", n, seed)
	r := rand.New(rand.NewPCG(seed, 2))
	var tr Trace
	var record []byte // what is left of the client's record
	ended := 0
	buf := make([]byte, headerLen+1<<16)
	for range n {
		if len(record) == 0 {
			body := 0
			switch r.IntN(4) {
			case 0:
				body = r.IntN(4)
			case 1, 2:
				body = r.IntN(300)
			case 3:
				body = r.IntN(1 << 16)
			}
			record = buf[:headerLen+body]
			record[0] = byte(20 + r.IntN(5))
			record[1], record[2] = byte(r.IntN(256)), byte(r.IntN(256))
			binary.BigEndian.PutUint16(record[3:], uint16(body))
		}
		window := tr.missing()
		if window <= 0 || window > len(record) {
			t.Fatalf("%d bytes may be read of a record that has %d left", window, len(record))
		}
		piece := window
		if r.IntN(2) == 0 {
			piece = 1 + r.IntN(window)
		}
		tr.Received(record[:piece])
		record = record[piece:]
		if isEnd := tr.have == headerLen && tr.rest == 0; isEnd != (len(record) == 0) {
			t.Fatalf("%d bytes of the record are left, and the trace has its end: %v", len(record), isEnd)
		}
		if len(record) == 0 {
			ended++
		}
	}
	if ended < n/20 {
		t.Errorf("only %d records ended in %d pieces", ended, n)
	}
}
