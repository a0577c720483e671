package tlsrecord

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// TestRandomRecords is FuzzOpened, FuzzForged and FuzzSize without what a fuzzing engine costs a record, on connections
// that end and give their places to others. HASSESD_RECORDS sets another number of records; it was 10^8 once.
func TestRandomRecords(t *testing.T) {
	t.Parallel()
	n, seed := 300_000, uint64(1)
	if text := os.Getenv("HASSESD_RECORDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		seed = rand.Uint64()
	}
	t.Logf("%d records with seed %d", n, seed)
	x := &randomClient{t: t, rand: rand.New(rand.NewPCG(seed, 2)), ring: newRing(Options{HotBytes: 8 * hotBytes}), buf: make([]byte, 0, MaxRecord)}
	x.connect()
	for range n {
		x.record()
	}
	for kind, count := range x.counts {
		if count < n/2000 {
			t.Errorf("of %d records, only %d were of kind %d", n, count, kind)
		}
	}
	if x.ring.Len() != 2 || len(x.ring.slabs.all) != 1 {
		t.Errorf("%d keys in %d slabs are left of one connection", x.ring.Len(), len(x.ring.slabs.all))
	}
}

// randomClient knows its keys and makes records at random.
type randomClient struct {
	t              *testing.T
	rand           *rand.Rand
	ring           *Keyring
	server, client Keys
	oracle         oracle
	buf            []byte
	secrets        uint64
	counts         [5]int // data, message, alert, another type, false
}

// connect replaces the connection.
func (x *randomClient) connect() {
	if x.server != 0 {
		x.ring.Remove(x.server)
		x.ring.Remove(x.client)
	}
	x.secrets++
	s := Suite(1 + x.rand.IntN(3))
	up, down := make([]byte, s.SecretLen()), make([]byte, s.SecretLen())
	for i := range 8 {
		up[i], down[i] = byte(x.secrets>>(8*i)), byte(x.secrets>>(8*i))
	}
	down[8] = 1
	x.server, x.client, x.oracle = add(x.t, x.ring, s, up, down, 0), add(x.t, x.ring, s, down, up, 0), oracle{}
}

var alerts = []byte{0, 90, 90, 90, 10, 40, 112}

// content returns the type and the content of a record.
func (x *randomClient) content() (ContentType, []byte) {
	kind := x.rand.IntN(64)
	data := x.buf[:0]
	switch {
	case kind < 40:
		x.counts[0]++
		n := x.rand.IntN(40)
		if kind == 0 && x.rand.IntN(50) == 0 {
			n = x.rand.IntN(MaxPlaintext + 1)
		}
		return ApplicationData, data[:n]
	case kind < 56: // mostly what is right, in pieces
		x.counts[1]++
		expected := []byte{typeKeyUpdate, 0, 0, 1, byte(x.rand.IntN(2))}
		data = append(data, expected[len(x.oracle.message):min(5, len(x.oracle.message)+1+x.rand.IntN(8))]...)
		switch x.rand.IntN(60) {
		case 0:
			data = append(data, byte(x.rand.Uint32()))
		case 1:
			data[x.rand.IntN(len(data))] = byte(x.rand.Uint32())
		case 2:
			data = data[:0]
		}
		return Handshake, data
	case kind < 58:
		x.counts[2]++
		data = append(data, byte(x.rand.IntN(3)), alerts[x.rand.IntN(len(alerts))])
		if x.rand.IntN(20) == 0 {
			data = data[:x.rand.IntN(2)]
		}
		return AlertRecord, data
	case kind == 58:
		x.counts[3]++
		typ := ContentType(x.rand.Uint32())
		return typ, append(data, byte(x.rand.Uint32()))
	}
	x.counts[0]++
	return ApplicationData, append(data, 'x')
}

// record sends one record, false or not, and compares what the server makes of it.
func (x *randomClient) record() {
	if x.rand.IntN(40) == 0 {
		x.falseRecord()
		return
	}
	typ, data := x.content()
	record := x.ring.Seal(x.client, typ, data)
	if n, err := Size(record); err != nil || n != len(record) {
		x.t.Fatalf("the record's size is %d, %v, want %d", n, err, len(record))
	}
	got, plain, err := x.ring.Receive(x.server, record)
	typ, data = unpadded(typ, data)
	want, wantErr, rolls := x.oracle.record(typ, data)
	if err == nil != (wantErr == 0) || err != nil && !errors.Is(err, wantErr) || err == nil && got != want {
		x.t.Fatalf("record of type %d, % x: got %d, %v, want %d, alert %d", typ, data, got, err, want, wantErr)
	}
	if err == nil && got == Data && !bytes.Equal(plain, data) {
		x.t.Fatalf("got %q, want %q", plain, data)
	}
	if err != nil || got == PeerClosed || got == PeerAlert {
		x.connect()
		return
	}
	if rolls {
		k := x.ring.inUse(x.client)
		k.suite.nextSecret(k.writeSecret[:k.suite.SecretLen()])
		x.ring.useSecret(k, nil)
	}
	if got == UpdateWanted {
		x.ring.Update(x.server)
	}
}

// falseRecord changes a bit of a record, or its length, or makes one up.
func (x *randomClient) falseRecord() {
	x.counts[4]++
	defer x.connect()
	record := x.ring.Seal(x.client, ApplicationData, x.buf[:x.rand.IntN(30)])
	switch x.rand.IntN(3) {
	case 0:
		record[x.rand.IntN(len(record))] ^= 1 << x.rand.IntN(8)
	case 1:
		record = record[:HeaderLen+x.rand.IntN(len(record)-HeaderLen)]
		record[3], record[4] = 0, byte(len(record)-HeaderLen)
	case 2:
		for i := HeaderLen; i < len(record); i++ {
			record[i] = byte(x.rand.Uint32())
		}
	}
	n, err := Size(record)
	isRecord := record[0] == 23 && record[1] == 3 && record[2] == 3 && int(record[3])<<8|int(record[4]) <= 1<<14+256
	if isRecord != (err == nil) {
		x.t.Fatalf("% x: %d, %v", record[:HeaderLen], n, err)
	}
	if err != nil || n != len(record) {
		return // refused, or waits for more
	}
	if got, plain, err := x.ring.Receive(x.server, record); !errors.Is(err, BadRecordMAC) || plain != nil {
		x.t.Fatalf("a false record % x: %d, %q, %v", record, got, plain, err)
	}
}
