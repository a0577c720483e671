package admission

import "time"

const (
	// maxRecords bounds the networks that are remembered. A record is 40 bytes and its place in the index as much again:
	// about 6 MiB when full.
	maxRecords = 64 << 10
	// sweepStep is how many records are looked at for each one that is added; more than one, so that those which say
	// nothing any more go faster than others come.
	sweepStep = 4
	// victims is among how many records a full table looks for the one it can spare.
	victims = 8
)

// record is what is remembered of a network. It says nothing any more once both times are over.
type record struct {
	network   Network
	handshake time.Duration // the bucket of its handshakes is full again at this time
	owed      time.Duration // its offences have run off at this time
	penalized bool          // kept out until owed
	why       Offence       // that brought it there
}

// lapses is when the record says nothing any more.
func (r *record) lapses() time.Duration { return max(r.handshake, r.owed) }

// memory is the bounded table of records. When it is full, a new record takes the place of the one among a few that
// lapses first, and only if the new one lapses later: whoever wants to wash out a penalty with many networks must earn
// longer ones for them. A network without a record is a clean one, so a full table locks nobody out.
type memory struct {
	index     map[Network]int32 // into records
	records   []record
	most      int
	hand      int    // where the sweep goes on
	forgotten uint64 // records that made room for others, or found none
}

func newMemory(most int) memory {
	return memory{index: make(map[Network]int32), most: most}
}

// find returns the record of a network, or nil. It is valid until the next add.
func (m *memory) find(n Network) *record {
	if i, ok := m.index[n]; ok {
		return &m.records[i]
	}
	return nil
}

// add returns a record for a network that has none, which will lapse at the given time; nil if there is no room for it.
func (m *memory) add(now time.Duration, n Network, lapses time.Duration) *record {
	m.sweep(now)
	if len(m.records) >= m.most && !m.spare(lapses) {
		m.forgotten++
		return nil
	}
	m.index[n] = int32(len(m.records))
	m.records = append(m.records, record{network: n})
	return &m.records[len(m.records)-1]
}

// sweep takes out some of the records that have lapsed.
func (m *memory) sweep(now time.Duration) {
	for range sweepStep {
		if len(m.records) == 0 {
			return
		}
		m.hand %= len(m.records)
		if m.records[m.hand].lapses() <= now {
			m.remove(m.hand)
		} else {
			m.hand++
		}
	}
}

// spare makes room for a record that lapses at the given time, and says whether it could.
func (m *memory) spare(lapses time.Duration) bool {
	least := m.hand % len(m.records)
	for k := range min(victims, len(m.records)) {
		if i := (m.hand + k) % len(m.records); m.records[i].lapses() < m.records[least].lapses() {
			least = i
		}
	}
	m.hand += victims
	if m.records[least].lapses() >= lapses {
		return false
	}
	m.remove(least)
	m.forgotten++
	return true
}

// remove puts the last record in the place of one.
func (m *memory) remove(i int) {
	last := len(m.records) - 1
	delete(m.index, m.records[i].network)
	if i != last {
		m.records[i] = m.records[last]
		m.index[m.records[i].network] = int32(i)
	}
	m.records = m.records[:last]
}
