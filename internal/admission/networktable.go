package admission

import "time"

const (
	// maxRecords bounds the networks remembered. A record is 40 bytes and its entry in the index as
	// much again: about 6 MiB when the table is full.
	maxRecords = 64 << 10
	// sweepStep is how many records each addition checks for expiry. More than one, so that expired
	// records go faster than new ones come.
	sweepStep = 4
	// spareSample is how many records a full table compares to find one to drop.
	spareSample = 8
)

// record is what the table remembers of a network. It is of no use once both times have passed.
type record struct {
	network    Network
	bucketFull time.Duration // when the network's bucket of handshakes is full again
	owed       time.Duration // when its violations are worked off
	penalized  bool          // kept out until owed
	why        Violation     // the one that led to the penalty
}

// expires returns when the record is of no more use.
func (r *record) expires() time.Duration { return max(r.bucketFull, r.owed) }

// networkTable is a bounded table of records. When it is full, a new record replaces the one in a
// small sample that expires first, and only if the new one expires later. So whoever wants to wash
// out a penalty with many networks must earn longer penalties for them. A network without a record
// is in good standing, so a full table locks nobody out.
type networkTable struct {
	index     map[Network]int32 // into records
	records   []record
	limit     int
	cursor    int    // where the next sweep starts
	forgotten uint64 // records that were dropped for others, or found no room
}

func newNetworkTable(limit int) networkTable {
	return networkTable{index: make(map[Network]int32), limit: limit}
}

// find returns the record of a network, or nil. It is valid until the next add.
func (m *networkTable) find(n Network) *record {
	if i, ok := m.index[n]; ok {
		return &m.records[i]
	}
	return nil
}

// add returns a new record for a network that has none and that will expire at the given time. It
// returns nil without room for it.
func (m *networkTable) add(now time.Duration, n Network, expires time.Duration) *record {
	m.sweep(now)
	if len(m.records) >= m.limit && !m.makeRoom(expires) {
		m.forgotten++
		return nil
	}
	m.index[n] = int32(len(m.records))
	m.records = append(m.records, record{network: n})
	return &m.records[len(m.records)-1]
}

// sweep removes expired records among the next sweepStep.
func (m *networkTable) sweep(now time.Duration) {
	for range sweepStep {
		if len(m.records) == 0 {
			return
		}
		m.cursor %= len(m.records)
		if m.records[m.cursor].expires() <= now {
			m.remove(m.cursor)
		} else {
			m.cursor++
		}
	}
}

// makeRoom drops a record in favour of one that expires at the given time, and reports whether it
// did.
func (m *networkTable) makeRoom(expires time.Duration) bool {
	least := m.cursor % len(m.records)
	for k := range min(spareSample, len(m.records)) {
		if i := (m.cursor + k) % len(m.records); m.records[i].expires() < m.records[least].expires() {
			least = i
		}
	}
	m.cursor += spareSample
	if m.records[least].expires() >= expires {
		return false
	}
	m.remove(least)
	m.forgotten++
	return true
}

// remove deletes a record and moves the last one into its place.
func (m *networkTable) remove(i int) {
	last := len(m.records) - 1
	delete(m.index, m.records[i].network)
	if i != last {
		m.records[i] = m.records[last]
		m.index[m.records[i].network] = int32(i)
	}
	m.records = m.records[:last]
}
