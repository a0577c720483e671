package histfile

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/idempotency"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// Reader reads one file.
type Reader struct {
	// Last is the id of the newest message, Events how many messages the file holds, SavedAt when
	// it was written by the clock of then. None of it is to be relied on before Next has returned
	// io.EOF.
	Last    sse.ID
	Events  uint64
	SavedAt time.Time

	// Keys are the idempotency keys, oldest first, once Next has returned io.EOF.
	Keys []idempotency.Remembered

	keys uint64        // to come
	away time.Duration // between SavedAt and now
	room int           // bytes that one item may take
	from *bounded
	cbor *cbor.Decoder
	left uint64 // events to come
	err  error  // of the last Next
}

var (
	errForeign = errors.New("this is not a history file of hassesd")
	errTooLong = errors.New("an item is longer than any event")
)

// NewReader reads the header of a file. now is the time of the wall clock: by it, what is read is
// older than it was when it was written. A clock that has gone back since then makes nothing
// younger.
func NewReader(r io.Reader, now time.Time) (*Reader, error) { return newReader(r, now, maxItem) }

func newReader(r io.Reader, now time.Time, room int) (*Reader, error) {
	zip, err := gzip.NewReader(bufio.NewReaderSize(r, bufferSize))
	if err != nil {
		return nil, damaged(fmt.Errorf("%w: %w", errForeign, err))
	}
	from := &bounded{from: zip, left: room}
	out := &Reader{room: room, from: from, cbor: decoding.NewDecoder(from)}
	var h header
	if err := out.cbor.Decode(&h); err != nil {
		return nil, damaged(fmt.Errorf("%w: %w", errForeign, err))
	}
	switch {
	case h.Format != magic:
		return nil, errForeign
	case h.Version != version && h.Version != versionKeyless:
		return nil, fmt.Errorf("the file is of version %d, and this hassesd knows version %d", h.Version, version)
	case !sse.ValidEpoch(h.Epoch) || h.Events > h.Seq:
		return nil, fmt.Errorf("the header makes no sense: %d events up to %q-%d", h.Events, h.Epoch, h.Seq)
	}
	out.Last, out.Events, out.SavedAt = sse.ID{Epoch: h.Epoch, Seq: h.Seq}, h.Events, time.Unix(0, h.SavedAt)
	out.left, out.keys = h.Events, h.Keys
	out.away = max(0, now.Round(0).Sub(out.SavedAt))
	return out, nil
}

// First returns the number of the newest message before the first one of the file.
func (r *Reader) First() uint64 { return r.Last.Seq - r.Events }

// Next returns the next event, as old as it is now. io.EOF means that the file was whole; after any
// other error nothing of it may be used.
func (r *Reader) Next() (eventlog.HistoryEntry, error) {
	if r.err != nil {
		return eventlog.HistoryEntry{}, r.err
	}
	var entry eventlog.HistoryEntry
	entry, r.err = r.next()
	return entry, r.err
}

func (r *Reader) next() (eventlog.HistoryEntry, error) {
	for r.left == 0 && r.keys > 0 {
		if err := r.nextKey(); err != nil {
			return eventlog.HistoryEntry{}, err
		}
	}
	r.from.left = r.room
	var e event
	err := r.cbor.Decode(&e)
	switch {
	case errors.Is(err, io.EOF) && r.left == 0:
		return eventlog.HistoryEntry{}, io.EOF // gzip has compared checksum and length first
	case err != nil:
		return eventlog.HistoryEntry{}, damaged(err)
	case r.left == 0:
		return eventlog.HistoryEntry{}, errors.New("there are more events than the header says")
	}
	entry := eventlog.HistoryEntry{Seq: r.Last.Seq - r.left + 1, Except: e.Except, Age: aged(e.Age, r.away), Body: e.Body}
	for _, name := range e.To {
		t, err := names.ParseTarget(name)
		if err != nil {
			return eventlog.HistoryEntry{}, err
		}
		entry.To = append(entry.To, t)
	}
	r.left--
	return entry, nil
}

// nextKey reads a key.
func (r *Reader) nextKey() error {
	r.from.left = r.room
	var k key
	if err := r.cbor.Decode(&k); err != nil {
		return damaged(err)
	}
	if len(k.Key) != idempotency.KeyBytes || len(k.Fingerprint) != idempotency.FingerprintBytes || !sse.ValidEpoch(k.Epoch) || k.Matched > math.MaxInt32 {
		return errors.New("an idempotency key makes no sense")
	}
	r.keys--
	r.Keys = append(r.Keys, idempotency.Remembered{
		Key:         k.Key,
		Fingerprint: k.Fingerprint,
		ID:          sse.ID{Epoch: k.Epoch, Seq: k.Seq},
		Matched:     int(k.Matched),
		Age:         aged(k.Age, r.away),
	})
	return nil
}

// aged adds the time between two starts to an age, without running over.
func aged(ns uint64, away time.Duration) time.Duration {
	const most = 1<<63 - 1
	if ns > most || time.Duration(ns) > most-away {
		return most
	}
	return time.Duration(ns) + away
}

// damaged names an end that came too early.
func damaged(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file is cut short: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// bounded hands out no more than left bytes.
type bounded struct {
	from io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
