package hub

// table is a map that gives memory back. A Go map keeps the room that it once took, so a million
// rooms that came and went would never be given back. The zero value is empty and ready.
type table[K comparable, V any] struct {
	m    map[K]V
	peak int // entries there were at most since m was made
}

const (
	// tableKeep is how many entries' room is kept in any case.
	tableKeep = 4096
	// tableSpare is when the rest is moved to a smaller map: when of so many places one is used.
	// Moving 60,000 of a million takes about 5 ms.
	tableSpare = 16
)

func (t *table[K, V]) get(k K) (V, bool) {
	v, ok := t.m[k]
	return v, ok
}

func (t *table[K, V]) put(k K, v V) {
	if t.m == nil {
		t.m = make(map[K]V)
	}
	t.m[k] = v
	t.peak = max(t.peak, len(t.m))
}

func (t *table[K, V]) remove(k K) {
	delete(t.m, k)
	if t.peak <= tableKeep || len(t.m) > t.peak/tableSpare {
		return
	}
	smaller := make(map[K]V, len(t.m))
	for k, v := range t.m {
		smaller[k] = v
	}
	t.m, t.peak = smaller, len(smaller)
}

func (t *table[K, V]) len() int { return len(t.m) }
