package jetstream

import (
	"errors"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// A record is a CBOR array that begins with a version. A node reads every version up to its own,
// and ignores elements at the end that it does not know: what may be ignored is added there, and
// what may not is a new version, which nodes write once all of them can read it.
//
//	msg    [1, epoch, published_at, to, except, body, after]
//	epoch  [1, epoch, since, created]
//	kick   [1, epoch, published_at, id, room, all, refuse_ms, after]
//
// published_at and created are nanoseconds since 1970, to is a list of targets as text, body is an
// event without its id, after is the number that the publisher had read. See entry for the rest.
const recordVersion = 1

// The fewest elements of each.
const (
	messageElements = 7
	epochElements   = 4
	kickElements    = 8
)

var (
	encoding = mustEncoding()
	decoding = mustDecoding()
)

func mustEncoding() cbor.EncMode {
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		panic("jetstream: internal error: " + err.Error())
	}
	return mode
}

func mustDecoding() cbor.DecMode {
	mode, err := cbor.DecOptions{
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
		MaxNestedLevels:  4,
		MaxArrayElements: eventlog.MaxTargets,
		MaxMapPairs:      16,
		UTF8:             cbor.UTF8RejectInvalid,
	}.DecMode()
	if err != nil {
		panic("jetstream: internal error: " + err.Error())
	}
	return mode
}

var errNewer = errors.New("the record is of a newer version; update this node")

// encode returns the record of the values.
func encode(values ...any) []byte {
	b, err := encoding.Marshal(append([]any{recordVersion}, values...))
	if err != nil {
		panic("jetstream: internal error: a record cannot be encoded: " + err.Error())
	}
	return b
}

// decode reads a record's first elements into the values, one each.
func decode(data []byte, elements int, values ...any) error {
	var raw []cbor.RawMessage
	if err := decoding.Unmarshal(data, &raw); err != nil {
		return err
	}
	var version uint64
	if len(raw) == 0 {
		return errors.New("the record is empty")
	}
	if err := decoding.Unmarshal(raw[0], &version); err != nil {
		return err
	}
	switch {
	case version > recordVersion:
		return fmt.Errorf("version %d: %w", version, errNewer)
	case version < 1 || len(raw) < elements:
		return fmt.Errorf("the record has %d elements of version %d", len(raw), version)
	}
	for i, v := range values {
		if err := decoding.Unmarshal(raw[1+i], v); err != nil {
			return fmt.Errorf("element %d: %w", 1+i, err)
		}
	}
	return nil
}

// message is the record of a message.
type message struct {
	epoch  string
	at     time.Time // when it was published, by the clock of its publisher
	to     []names.Target
	except string
	body   []byte
	after  uint64
}

func (m *message) encode() []byte {
	to := make([]string, len(m.to))
	for i, t := range m.to {
		to[i] = t.String()
	}
	return encode(m.epoch, m.at.UnixNano(), to, m.except, m.body, m.after)
}

func decodeMessage(data []byte) (*message, error) {
	var m message
	var at int64
	var to []string
	if err := decode(data, messageElements, &m.epoch, &at, &to, &m.except, &m.body, &m.after); err != nil {
		return nil, err
	}
	m.at = time.Unix(0, at)
	for _, text := range to {
		t, err := names.ParseTarget(text)
		if err != nil {
			return nil, fmt.Errorf("to: %w", err)
		}
		m.to = append(m.to, t)
	}
	if !sse.ValidEpoch(m.epoch) {
		return nil, errors.New("the epoch is not valid")
	}
	return &m, nil
}

// record returns what the follower gets of the message, under its number.
func (m *message) record(seq uint64, at time.Time, receipt *eventlog.Receipt) (eventlog.Record, error) {
	to, err := eventlog.Reduce(m.to)
	if err != nil {
		return eventlog.Record{}, err
	}
	if err := eventlog.CheckExcept(m.except); err != nil {
		return eventlog.Record{}, err
	}
	frame, err := sse.Restore(sse.ID{Epoch: m.epoch, Seq: seq}, m.body)
	if err != nil {
		return eventlog.Record{}, err
	}
	return eventlog.Record{At: at, Frame: frame, To: to, Except: m.except, Receipt: receipt}, nil
}

// epochRecord states which epoch the log has.
type epochRecord struct {
	epoch   string
	since   uint64
	created int64
}

func (r *epochRecord) encode() []byte { return encode(r.epoch, r.since, r.created) }

func decodeEpoch(data []byte) (*epochRecord, error) {
	var r epochRecord
	if err := decode(data, epochElements, &r.epoch, &r.since, &r.created); err != nil {
		return nil, err
	}
	if !sse.ValidEpoch(r.epoch) {
		return nil, errors.New("the epoch is not valid")
	}
	return &r, nil
}

// kickRecord tells every node to end streams, and to refuse them for a time.
type kickRecord struct {
	epoch string
	at    time.Time
	kick  Kick
	after uint64
}

func (r *kickRecord) encode() []byte {
	return encode(r.epoch, r.at.UnixNano(), r.kick.ID, r.kick.Room, r.kick.All, r.kick.Refuse.Milliseconds(), r.after)
}

func decodeKick(data []byte) (*kickRecord, error) {
	var r kickRecord
	var at, refuse int64
	if err := decode(data, kickElements, &r.epoch, &at, &r.kick.ID, &r.kick.Room, &r.kick.All, &refuse, &r.after); err != nil {
		return nil, err
	}
	if !sse.ValidEpoch(r.epoch) {
		return nil, errors.New("the epoch is not valid")
	}
	r.at, r.kick.Refuse = time.Unix(0, at), time.Duration(refuse)*time.Millisecond
	return &r, nil
}

// What a record has in its header beside its id.
const (
	fromHeader  = "Hassesd-From"  // which attempt of which node it is
	printHeader = "Hassesd-Print" // of a message with a key: its fingerprint
)

// record is a record as it was read.
type record struct {
	entry   entry
	message *message // or
	kick    *kickRecord
	fault   error // why it is not readable

	from, print string // of its header
}

// readRecord reads a record of any kind.
func readRecord(k kind, id string, data []byte) (r record) {
	r.entry.kind, r.entry.id = k, id
	switch r.entry.kind {
	case kindMessage:
		if r.message, r.fault = decodeMessage(data); r.fault == nil {
			r.entry.epoch, r.entry.after = r.message.epoch, r.message.after
		}
	case kindEpoch:
		var e *epochRecord
		if e, r.fault = decodeEpoch(data); r.fault == nil {
			r.entry.epoch, r.entry.since, r.entry.created = e.epoch, e.since, e.created
		}
	case kindKick:
		if r.kick, r.fault = decodeKick(data); r.fault == nil {
			r.entry.epoch, r.entry.after = r.kick.epoch, r.kick.after
		}
	}
	r.entry.readable = r.fault == nil
	return r
}

// overhead is what a record has beside body and targets, and its message beside the record.
const overhead = 1 << 10

// tooLong returns an *eventlog.TooLongError if no broker would take the record.
func tooLong(m *message, limit int64) error {
	if limit == 0 {
		return nil
	}
	size := len(m.body) + overhead
	for _, t := range m.to {
		size += len(t.Name) + len("*") + 3
	}
	if int64(size) > limit {
		return &eventlog.TooLongError{Size: size, Limit: int(limit)}
	}
	return nil
}

// MaxRecord returns the length of the longest record of a message with so many bytes of data, if
// its lines are not short: each line adds six bytes.
func MaxRecord(messageBytes int) int {
	return messageBytes + messageBytes/8 + overhead + maxTargetBytes
}

// maxTargetBytes is about what the targets of a message take: a thousand of usual length.
const maxTargetBytes = 32 << 10

// CheckPayload returns an error if a broker's max_payload does not allow messages as long as the
// settings do.
func CheckPayload(maxPayload int64, messageBytes int) error {
	if need := MaxRecord(messageBytes); int64(need) > maxPayload {
		return fmt.Errorf("limits.message_bytes is %d, for which records of up to %d bytes are needed, and the broker's max_payload is %d: lower limits.message_bytes, or raise max_payload on every broker", messageBytes, need, maxPayload)
	}
	return nil
}
