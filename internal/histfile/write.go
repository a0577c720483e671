package histfile

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"time"

	"github.com/hassesd/hassesd/internal/hub"
)

// bufferSize is how much is handed to the system at a time.
const bufferSize = 256 << 10

// Write writes what a hub has left behind. now is the time of the wall clock, from which the next start learns how long
// it took. After an error, what was written is no file.
func Write(w io.Writer, now time.Time, past hub.Past) error {
	buffer := bufio.NewWriterSize(w, bufferSize)
	// The daemon waits for this before it ends. Events are mostly short texts that resemble each other, which the fastest
	// level makes several times smaller; a better one would take several times as long.
	zip, err := gzip.NewWriterLevel(buffer, gzip.BestSpeed)
	if err != nil {
		panic("histfile: internal error: " + err.Error())
	}
	to := encoding.NewEncoder(zip)
	err = to.Encode(header{
		Format:  magic,
		Version: version,
		Epoch:   past.Last.Epoch,
		Seq:     past.Last.Seq,
		Events:  uint64(past.Len()),
		SavedAt: now.UnixNano(),
	})
	if err != nil {
		return fmt.Errorf("write the header: %w", err)
	}
	for kept := range past.Events() {
		e := event{Age: uint64(kept.Age), To: make([]string, 0, len(kept.To)), Except: kept.Except, Body: kept.Body}
		for _, t := range kept.To {
			e.To = append(e.To, t.String())
		}
		if err := to.Encode(e); err != nil {
			return fmt.Errorf("write an event: %w", err)
		}
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("write the end: %w", err)
	}
	return buffer.Flush()
}
