package tlsrecord

import (
	"errors"
	"unsafe"
)

// Keys names the keys of a connection within its [Keyring]. The zero Keys name none.
type Keys uint32

// keys are the keys of one connection. They hold no pointer, so that they can lie outside the heap:
// the collector does not look at them, and does not copy them.
type keys struct {
	name     uint64 // unique in the keyring; changes with the write key; 0: the place is free
	sent     uint64 // number of the next record to seal
	received uint64 // number of the next record to open

	writeSecret [maxSecret]byte
	readSecret  [maxSecret]byte
	writeKey    [maxKey]byte
	writeIV     [ivLen]byte

	hot     uint32 // where the cache has the AEAD of the write key, if it still has it
	next    Keys   // the next free place
	suite   Suite
	useless uint8 // records in a row that brought no data
	begun   uint8 // bytes of a KeyUpdate received, without its last
	isOver  bool  // nothing more is opened: the peer has closed, or broken the protocol
}

// Memory returns zeroed memory for keys that is aligned to eight bytes, or an error. It should lie
// in no core dump.
type Memory func(bytes int) ([]byte, error)

// slabBytes is what is asked for at a time: room for some 1,400 connections.
const slabBytes = 256 << 10

const (
	keysSize = int(unsafe.Sizeof(keys{}))
	slabLen  = slabBytes / keysSize
)

// maxSlabs bounds the keys to what Keys can name.
const maxSlabs = (1<<32 - 2) / slabLen

// slabs are places for keys. Memory is never given back: a place is used again.
type slabs struct {
	memory Memory
	all    []*[slabLen]keys
	free   Keys // the first free place; 0: none
	inUse  int
}

var errFull = errors.New("no more connections can be named")

// take returns a free place, all zero.
func (s *slabs) take() (Keys, *keys, error) {
	if s.free == 0 {
		if err := s.grow(); err != nil {
			return 0, nil, err
		}
	}
	name := s.free
	k := s.at(name)
	s.free, k.next = k.next, 0
	s.inUse++
	return name, k, nil
}

// grow adds a slab, whose places are all free.
func (s *slabs) grow() error {
	if len(s.all) == maxSlabs {
		return errFull
	}
	bytes, err := s.memory(slabBytes)
	if err != nil {
		return err
	}
	start := unsafe.Pointer(unsafe.SliceData(bytes))
	if len(bytes) < slabBytes || uintptr(start)%unsafe.Alignof(keys{}) != 0 {
		panic("tlsrecord: internal error: too little memory for keys, or not aligned")
	}
	s.all = append(s.all, (*[slabLen]keys)(start))
	for i := slabLen - 1; i >= 0; i-- {
		name := Keys((len(s.all)-1)*slabLen + i + 1)
		s.at(name).next = s.free
		s.free = name
	}
	return nil
}

// at returns a place.
func (s *slabs) at(name Keys) *keys {
	i := int(name) - 1
	return &s.all[i/slabLen][i%slabLen]
}

// release overwrites the keys at a place with zeros and makes it free.
func (s *slabs) release(name Keys) {
	*s.at(name) = keys{next: s.free}
	s.free = name
	s.inUse--
}
