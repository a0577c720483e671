package admission

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// client returns the i-th of many addresses, each in its own network.
func client(i int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 0x0a000000+uint32(i))
	return netip.AddrFrom4(b)
}

func TestAFloodOfStrangersDoesNotWashOutAnOffender(t *testing.T) {
	table := newTable(Limits{Rate: 20, Burst: 300, Penalties: PenaltiesOn}, 100)
	offender := addr("192.0.2.1")
	for range 10 {
		table.RecordViolation(0, offender, HandshakeTimeout) // 100 s
	}
	now := time.Second
	for i := range 100_000 {
		table.Admit(now, Visit{Addr: client(i), Handshake: true})
		table.RecordViolation(now, client(i), HandshakeTimeout)
		now += 10 * time.Microsecond
	}
	if got := table.Admit(now, Visit{Addr: offender, Handshake: true}); got != RefusePenalty {
		t.Errorf("verdict %d: the offender was forgotten", got)
	}
	if got := table.Admit(now, Visit{Addr: addr("192.0.2.2"), Handshake: true}); got != Admit {
		t.Errorf("verdict %d: a full table locks new networks out", got)
	}
	s := table.Stats(now, 0)
	if s.Records != 100 || s.Capacity != 100 || s.Forgotten == 0 {
		t.Errorf("%d records of %d, %d forgotten", s.Records, s.Capacity, s.Forgotten)
	}
}

func TestAGreaterOffenceFindsAPlaceInAFullTable(t *testing.T) {
	table := newTable(Limits{Penalties: PenaltiesOn}, 100)
	for i := range 100 {
		table.RecordViolation(0, client(i), HandshakeFailed) // 1 s each
	}
	for range 3 {
		table.RecordViolation(0, addr("192.0.2.1"), HandshakeTimeout)
	}
	if got := table.Admit(0, Visit{Addr: addr("192.0.2.1")}); got != RefusePenalty {
		t.Errorf("verdict %d", got)
	}
}

func TestLapsedRecordsMakeRoom(t *testing.T) {
	m := newNetworkTable(1000)
	now := time.Duration(0)
	for i := range 100_000 {
		r := m.add(now, NetworkOf(client(i)), now+time.Second)
		if r == nil {
			t.Fatalf("record %d found no room", i)
		}
		r.owed = now + time.Second
		now += 10 * time.Millisecond // a hundred live at a time
		if len(m.records) != len(m.index) {
			t.Fatalf("%d records, %d in the index", len(m.records), len(m.index))
		}
	}
	if len(m.records) > 200 {
		t.Errorf("%d records, of which about 100 have not lapsed", len(m.records))
	}
	for i, r := range m.records {
		if m.index[r.network] != int32(i) || m.find(r.network) != &m.records[i] {
			t.Fatalf("record %d is not where the index says", i)
		}
	}
}
