package daemon

import (
	"errors"
	"io"
	"io/fs"
	"time"

	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/state"
)

// maxTicketFile bounds what is read of the file of the keys: three keys are half a kilobyte.
const maxTicketFile = 64 << 10

// openTickets takes over the keys of session tickets from before the restart, so that the clients who come back need no
// full handshake. It is called when the certificates are there.
func (d *Daemon) openTickets() {
	if d.certs == nil || d.stateDir == nil {
		return
	}
	if d.stateDir.WasOpen() {
		return // whoever put keys there could read what they seal
	}
	text, err := d.stateDir.Read(ticketFile, maxTicketFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var keys certs.TicketKeys
	if err == nil {
		keys, err = certs.ParseTicketKeys(text)
	}
	if err != nil {
		d.setAside(d.stateDir, ticketFile, "session ticket keys", err)
		return
	}
	d.log.Info("session ticket keys restored", "keys", d.certs.RestoreTickets(keys), "file", d.stateDir.Path(ticketFile))
}

// tendTickets keeps the file of the keys as the keys are, until stop is closed.
func (d *Daemon) tendTickets(stop <-chan struct{}) {
	if d.certs == nil || d.stateDir == nil {
		return
	}
	isFailing := false
	for {
		select {
		case <-d.certs.TicketsChanged():
			err := d.keepTickets()
			if err != nil && !isFailing {
				d.log.Error("session ticket keys cannot be kept; after a restart clients shake hands in full",
					"file", d.stateDir.Path(ticketFile), "err", err)
			}
			isFailing = err != nil
		case <-stop:
			return
		}
	}
}

// keepTickets writes the file of the keys, or removes it if there is nothing to keep.
func (d *Daemon) keepTickets() error {
	keys, ok := d.certs.TicketKeys()
	if !ok {
		return d.stateDir.Remove(ticketFile)
	}
	return d.stateDir.Write(ticketFile, func(w io.Writer) error {
		_, err := w.Write(keys.Encode())
		return err
	})
}

// setAside gives a file that cannot be used another name, so that it is neither lost nor in the way.
func (d *Daemon) setAside(dir *state.Dir, name, what string, why error) {
	aside, err := dir.SetAside(name, time.Now())
	if err != nil {
		d.log.Error("file cannot be used, nor set aside", "what", what, "file", dir.Path(name), "err", errors.Join(why, err))
		return
	}
	d.log.Error("file cannot be used and was set aside", "what", what, "file", dir.Path(name), "aside", dir.Path(aside), "err", why)
}
