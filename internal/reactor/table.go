package reactor

// table finds the source of an event. Places are used again; generations are
// not, so that the token of a source that has gone finds nothing.
type table struct {
	sources     []*Source
	generations []uint32 // in each place
	unused      []int32  // places without a source
	generation  uint32
}

// place gives s a place.
func (t *table) place(s *Source) Token {
	t.generation++
	if n := len(t.unused); n > 0 {
		slot := t.unused[n-1]
		t.unused = t.unused[:n-1]
		t.sources[slot], t.generations[slot] = s, t.generation
		return Token{Slot: slot, Generation: t.generation}
	}
	t.sources = append(t.sources, s)
	t.generations = append(t.generations, t.generation)
	return Token{Slot: int32(len(t.sources) - 1), Generation: t.generation}
}

// find returns nil when the source of the token has gone.
func (t *table) find(token Token) *Source {
	if int(token.Slot) >= len(t.sources) || t.generations[token.Slot] != token.Generation {
		return nil
	}
	return t.sources[token.Slot]
}

// free gives up the place of a token.
func (t *table) free(token Token) {
	if t.find(token) == nil {
		panic("reactor: internal error: place freed twice")
	}
	t.sources[token.Slot] = nil
	t.unused = append(t.unused, token.Slot)
}

// open returns the number of places in use.
func (t *table) open() int { return len(t.sources) - len(t.unused) }
