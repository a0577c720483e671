package jetstream

import "testing"

// An order that has read up to 10 under the epoch e2, and e1 before, reads one record.
func TestWhatRecordsMean(t *testing.T) {
	t.Parallel()
	message := func(seq uint64, epoch string, after uint64) *entry {
		return &entry{seq: seq, kind: kindMessage, id: "id", readable: true, epoch: epoch, after: after}
	}
	for name, tt := range map[string]struct {
		e    *entry
		want verdict
		base string
	}{
		"the next message":              {message(11, "e2", 9), deliver, ""},
		"one of the epoch before":       {message(11, "e1", 9), void, ""},
		"one of an unknown epoch":       {message(11, "e9", 9), suspect, ""},
		"one that cannot be read":       {&entry{seq: 11, kind: kindMessage}, unknown, "e2-11"},
		"a kick":                        {&entry{seq: 11, kind: kindKick, readable: true, epoch: "e2", after: 10}, deliver, ""},
		"of a kind that is not known":   {&entry{seq: 11, kind: "later"}, skip, ""},
		"of a publisher that knew more": {message(11, "e2", 11), suspect, ""},
		"of one that knew too little":   {message(11, "e2", 4), unsure, "e2-11"},
		"behind a gap":                  {message(15, "e2", 14), suspect, ""},
		"again":                         {message(10, "e2", 9), suspect, ""},
		"the epoch again":               {&entry{seq: 11, kind: kindEpoch, readable: true, epoch: "e2", since: 5}, skip, ""},
		"the former epoch again":        {&entry{seq: 11, kind: kindEpoch, readable: true, epoch: "e1", since: 1}, void, ""},
		"another epoch":                 {&entry{seq: 11, kind: kindEpoch, readable: true, epoch: "e3"}, begins, "e3-11"},
		"an earlier one":                {&entry{seq: 11, kind: kindEpoch, readable: true, epoch: "e0"}, suspect, ""},
		"one that is under way":         {&entry{seq: 11, kind: kindEpoch, readable: true, epoch: "e3", since: 8}, suspect, ""},
		"one that cannot be read, too":  {&entry{seq: 11, kind: kindEpoch}, suspect, ""},
	} {
		o := order{epoch: "e2", position: 10, since: 5, from: 5}
		o.past.add("e1")
		v, base := o.next(tt.e)
		got := ""
		if base != nil {
			got = base.String()
		}
		if v != tt.want || got != tt.base {
			t.Errorf("%s: %d at %q, want %d at %q", name, v, got, tt.want, tt.base)
		}
		if moved := o.position == tt.e.seq; moved != (v != suspect) && tt.e.seq != 10 {
			t.Errorf("%s: the position is %d", name, o.position)
		}
	}
}

func TestHowToGoOnWithAStream(t *testing.T) {
	t.Parallel()
	mark := func(epoch string, seq, since uint64, created int64) *entry {
		return &entry{seq: seq, kind: kindEpoch, readable: true, epoch: epoch, since: since, created: created}
	}
	for name, tt := range map[string]struct {
		isNew bool // the node has read nothing yet
		seen  look
		long  bool // it has looked so for long
		from  uint64
		base  string
		write bool
	}{
		"a new stream":                            {isNew: true, seen: look{created: 1, first: 1, last: 0}, write: true},
		"one with an epoch":                       {isNew: true, seen: look{1, 1, 20, mark("e2", 5, 0, 1)}, from: 6, base: "e2-5"},
		"one whose beginning is gone":             {isNew: true, seen: look{1, 12, 20, mark("e2", 15, 5, 1)}, from: 12, base: "e2-11"},
		"one that was purged":                     {isNew: true, seen: look{1, 21, 20, nil}},
		"and nobody else is there":                {isNew: true, seen: look{1, 21, 20, nil}, long: true, write: true},
		"the same as before":                      {seen: look{1, 1, 20, mark("e2", 5, 0, 1)}, from: 11},
		"it has lost its end":                     {seen: look{1, 1, 9, mark("e2", 5, 0, 1)}},
		"it has lost its end, for long":           {seen: look{1, 1, 9, mark("e2", 5, 0, 1)}, long: true, write: true},
		"another epoch further on":                {seen: look{1, 1, 20, mark("e3", 15, 0, 1)}, from: 16, base: "e3-15"},
		"another epoch where this node was":       {seen: look{1, 1, 20, mark("e3", 9, 0, 1)}, from: 10, base: "e3-9"},
		"another epoch further on, behind a gap":  {seen: look{1, 14, 20, mark("e3", 15, 0, 1)}, from: 16, base: "e3-15"},
		"an earlier epoch":                        {seen: look{1, 1, 20, mark("e1", 1, 0, 1)}, long: true, write: true},
		"another stream":                          {seen: look{2, 1, 0, nil}, long: true, write: true},
		"another stream where others have begun":  {seen: look{2, 1, 4, mark("e3", 1, 0, 2)}, from: 2, base: "e3-1"},
		"a copy of the stream, as it was created": {seen: look{2, 1, 20, mark("e2", 5, 0, 1)}, long: true, write: true},
	} {
		var o order
		if !tt.isNew {
			o = order{epoch: "e2", position: 10, since: 5, created: 1}
		}
		lost := settle / 2
		if tt.long {
			lost = settle
		}
		p := o.resume(tt.seen, lost)
		base := ""
		if p.rebase != nil {
			base = p.rebase.String()
		}
		if p.from != tt.from || base != tt.base || (p.write != nil) != tt.write || p.wait != (tt.from == 0 && !tt.write) {
			t.Errorf("%s: %+v, at %q", name, p, base)
		}
	}
}

func TestRecentIDsHaveABound(t *testing.T) {
	t.Parallel()
	var r recentIDs
	id := func(i int) string { return string(rune('a'+i%26)) + string(rune(i)) }
	for i := range 2 * maxRecent {
		if !r.add(id(i)) || r.add(id(i)) {
			t.Fatalf("id %d is not new, or new twice", i)
		}
	}
	if len(r.known) != maxRecent || len(r.ring) != maxRecent {
		t.Errorf("%d are known, %d in the ring", len(r.known), len(r.ring))
	}
	r.remove(id(2*maxRecent - 1))
	if !r.add(id(2*maxRecent-1)) || !r.add("") || !r.add("") {
		t.Error("an id that was taken back, or none, is not new")
	}
}

// A session may end after it has adopted an epoch and before it follows. The next one puts the follower there.
func TestAnAdoptedEpochIsToldByTheSessionThatFollows(t *testing.T) {
	t.Parallel()
	var o order
	seen := look{created: 1, first: 1, last: 1, mark: &entry{seq: 1, kind: kindEpoch, readable: true, epoch: "e1", created: 1}}
	first := o.resume(seen, 0)
	again := o.resume(seen, 0)
	if first.rebase == nil || again.rebase == nil || *again.rebase != *first.rebase || again.from != first.from {
		t.Fatalf("at first %+v, then %+v", first, again)
	}
	o.told()
	if p := o.resume(seen, 0); p.rebase != nil || p.from != first.from {
		t.Errorf("the follower is put there once more: %+v", p)
	}
}
