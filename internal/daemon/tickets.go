package daemon

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"

	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/state"
)

// maxTicketFile bounds the size of the file: three keys are half a kilobyte.
const maxTicketFile = 64 << 10

// tickets keep the keys of session tickets over a restart, so that returning clients need no full
// handshake.
type tickets struct {
	log   *slog.Logger
	store *certs.Store // nil: no TLS
	dir   *state.Dir   // nil: nothing is kept
}

// restore reads the keys from before the restart. The certificates must be in the store.
func (t *tickets) restore() {
	if t.store == nil || t.dir == nil {
		return
	}
	if t.dir.WasOpen() {
		return // a process that could put keys there could read what they seal
	}
	text, err := t.dir.Read(ticketFile, maxTicketFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var keys certs.TicketKeys
	if err == nil {
		keys, err = certs.ParseTicketKeys(text)
	}
	if err != nil {
		setAside(t.log, t.dir, ticketFile, "session ticket keys", err)
		return
	}
	t.log.Info("session ticket keys restored", "keys", t.store.RestoreTickets(keys), "file", t.dir.Path(ticketFile))
}

// run writes the keys whenever they change, until stop is closed.
func (t *tickets) run(stop <-chan struct{}) {
	if t.store == nil || t.dir == nil {
		return
	}
	isFailing := false
	for {
		select {
		case <-t.store.TicketsChanged():
			err := t.write()
			if err != nil && !isFailing {
				t.log.Error("session ticket keys cannot be kept; after a restart clients shake hands in full",
					"file", t.dir.Path(ticketFile), "err", err)
			}
			isFailing = err != nil
		case <-stop:
			return
		}
	}
}

// write writes the file of the keys, or removes it if there are none.
func (t *tickets) write() error {
	keys, ok := t.store.TicketKeys()
	if !ok {
		return t.dir.Remove(ticketFile)
	}
	return t.dir.Write(ticketFile, func(w io.Writer) error {
		_, err := w.Write(keys.Encode())
		return err
	})
}
