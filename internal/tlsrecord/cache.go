package tlsrecord

import (
	"crypto/cipher"
	"math/rand/v2"
)

// hotBytes is what an AEAD in the cache costs: the state of AES-GCM, and its entry.
const hotBytes = 768 + 24

// cache keeps AEADs, which cost more to make than a record does to seal, and six times the memory
// of the keys that they are made of. When it is full, a random one makes room: if all connections
// are written to in turn, replacing the oldest would have none there when it is needed.
type cache struct {
	entries []entry
	empty   []uint32 // entries that were dropped
	most    int      // how many entries there may be
	rand    *rand.Rand
	hits    uint64
	misses  uint64
}

// entry is an AEAD and the name of the keys that it was made for. A name is never given twice, so
// an entry is never taken for that of other keys.
type entry struct {
	name uint64
	aead cipher.AEAD
}

// get returns the AEAD of keys with the given name, or nil. at is where it was put.
func (c *cache) get(name uint64, at uint32) cipher.AEAD {
	if int(at) < len(c.entries) && c.entries[at].name == name {
		c.hits++
		return c.entries[at].aead
	}
	c.misses++
	return nil
}

// put keeps an AEAD and returns where.
func (c *cache) put(name uint64, aead cipher.AEAD) (at uint32) {
	switch {
	case c.most == 0:
		return 0
	case len(c.empty) > 0:
		last := len(c.empty) - 1
		at, c.empty = c.empty[last], c.empty[:last]
		c.entries[at] = entry{name, aead}
		return at
	case len(c.entries) < c.most:
		c.entries = append(c.entries, entry{name, aead})
		return uint32(len(c.entries) - 1)
	}
	at = c.rand.Uint32N(uint32(len(c.entries)))
	c.entries[at] = entry{name, aead}
	return at
}

// drop forgets the AEAD of keys that are no longer used.
func (c *cache) drop(name uint64, at uint32) {
	if int(at) < len(c.entries) && c.entries[at].name == name {
		c.entries[at] = entry{}
		c.empty = append(c.empty, at)
	}
}

// resize sets how many bytes the cache may take. It forgets everything unless there is as much room
// as before, or more.
func (c *cache) resize(bytes int) {
	most := max(bytes, 0) / hotBytes
	if most < c.most {
		c.entries, c.empty = nil, nil
	}
	c.most = most
}
