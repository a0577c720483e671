package histfile

import (
	"github.com/fxamacker/cbor/v2"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

const (
	// magic is the format that the header of each of our files names, whatever its version.
	magic = "hassesd history"
	// version is that of the format. It goes up when an older reader would misunderstand a file.
	// Version 1 has no keys, and is written while there are none.
	version        = 2
	versionKeyless = 1
	// maxItem bounds what is taken into memory before it is understood: the longest event, the
	// names of its targets, and what is read ahead.
	maxItem = sse.MaxBody + eventlog.MaxTargets*(names.MaxRoom+8) + 1<<16
)

// header is the first item of a file.
type header struct {
	Format  string `cbor:"format"`
	Version uint64 `cbor:"version"`
	Epoch   string `cbor:"epoch"`
	Seq     uint64 `cbor:"seq"`      // number of the newest message
	Events  uint64 `cbor:"events"`   // how many follow; the last one has the number Seq
	SavedAt int64  `cbor:"saved_at"` // by the wall clock, in nanoseconds since 1970

	Keys uint64 `cbor:"keys,omitempty"` // how many follow the events
}

// key is each of the items after the events: an idempotency key.
type key struct {
	_           struct{} `cbor:",toarray"`
	Key         []byte
	Fingerprint []byte
	Epoch       string // of the message
	Seq         uint64
	Matched     uint64
	Age         uint64 // nanoseconds between its publication and SavedAt
}

// event is each of the items that follow.
type event struct {
	_      struct{} `cbor:",toarray"`
	Age    uint64   // nanoseconds between its publication and SavedAt
	To     []string // targets as names.ParseTarget reads them
	Except string
	Body   []byte // as sse.Restore reads it
}

var (
	encoding = mustEncoding()
	decoding = mustDecoding()
)

func mustEncoding() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic("histfile: internal error: " + err.Error())
	}
	return mode
}

// mustDecoding returns a mode that takes what Write writes, and little else.
func mustDecoding() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  4,
		MaxArrayElements: eventlog.MaxTargets,
		MaxMapPairs:      16,
		UTF8:             cbor.UTF8RejectInvalid,
	}.DecMode()
	if err != nil {
		panic("histfile: internal error: " + err.Error())
	}
	return mode
}
