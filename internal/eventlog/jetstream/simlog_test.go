package jetstream

// simRecord is a record of the model's log.
type simRecord struct {
	entry
	data string
}

// simLog is a stream as brokers keep it.
type simLog struct {
	created int64
	first   uint64
	records []simRecord
	known   map[string]uint64 // ids that the brokers remember
}

func (l *simLog) last() uint64 { return l.first + uint64(len(l.records)) - 1 }

// add stores a record, unless the brokers know its id.
func (l *simLog) add(r simRecord) {
	if r.id != "" {
		if _, twice := l.known[r.id]; twice {
			return
		}
		l.known[r.id] = 0
	}
	r.seq = l.last() + 1
	l.records = append(l.records, r)
}

func (l *simLog) look() look {
	seen := look{created: l.created, first: l.first, last: l.last()}
	for i := len(l.records) - 1; i >= 0; i-- {
		if l.records[i].kind == kindEpoch {
			mark := l.records[i].entry
			seen.mark = &mark
			break
		}
	}
	return seen
}

// clone copies the log, for a backup.
func (l *simLog) clone() simLog {
	c := *l
	c.records = append([]simRecord(nil), l.records...)
	c.known = make(map[string]uint64)
	for id := range l.known {
		c.known[id] = 0
	}
	return c
}
