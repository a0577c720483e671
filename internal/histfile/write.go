package histfile

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/idempotency"
)

// bufferSize is how much is handed to the system at a time.
const bufferSize = 256 << 10

// Write writes what a hub has left behind. now is the time of the wall clock, from which the next
// start learns how long it took. The file does not name the numbers of messages, which therefore
// must have no gaps. After an error, what was written is no file.
func Write(w io.Writer, now time.Time, past eventlog.Checkpoint, keys []idempotency.Remembered) error {
	buffer := bufio.NewWriterSize(w, bufferSize)
	// The daemon waits for this before it ends. Events are mostly short texts that resemble each
	// other, which the fastest level makes several times smaller; a better one would take several
	// times as long.
	zip, err := gzip.NewWriterLevel(buffer, gzip.BestSpeed)
	if err != nil {
		panic("histfile: internal error: " + err.Error())
	}
	to := encoding.NewEncoder(zip)
	v := uint64(version)
	if len(keys) == 0 {
		v = versionKeyless
	}
	err = to.Encode(header{
		Format:  magic,
		Version: v,
		Keys:    uint64(len(keys)),
		Epoch:   past.Last.Epoch,
		Seq:     past.Last.Seq,
		Events:  uint64(past.Len),
		SavedAt: now.UnixNano(),
	})
	if err != nil {
		return fmt.Errorf("write the header: %w", err)
	}
	next := past.Last.Seq - uint64(past.Len) + 1
	for entry := range past.Entries {
		if entry.Seq != next {
			return fmt.Errorf("message %d has a gap before it: want message %d", entry.Seq, next)
		}
		next++
		e := event{Age: uint64(entry.Age), To: make([]string, 0, len(entry.To)), Except: entry.Except, Body: entry.Body}
		for _, t := range entry.To {
			e.To = append(e.To, t.String())
		}
		if err := to.Encode(e); err != nil {
			return fmt.Errorf("write an event: %w", err)
		}
	}
	for _, k := range keys {
		item := key{
			Key:         k.Key,
			Fingerprint: k.Fingerprint,
			Epoch:       k.ID.Epoch,
			Seq:         k.ID.Seq,
			Matched:     uint64(k.Matched),
			Age:         uint64(k.Age),
		}
		if err := to.Encode(item); err != nil {
			return fmt.Errorf("write a key: %w", err)
		}
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("write the end: %w", err)
	}
	return buffer.Flush()
}
