package daemon

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/supervise"
)

// control is where the control protocol is spoken: the Unix socket, the port, and the FIFO.
type control struct {
	// Fixed after creation.
	log       *slog.Logger
	settings  func() *config.Settings // those that apply
	manager   *supervise.Manager
	inherited supervise.Sockets
	changing  sync.Locker // held while files are read and used after the start

	// Fixed once open.
	server    *server.Server
	admission *admission.Table // of the port under TLS
	endpoints []api.Endpoint

	port atomic.Pointer[controlPort]   // under TLS; nil: plain TCP, or no port
	keys atomic.Pointer[access.Rights] // a copy of rights, for those who do not hold changing

	// Guarded by changing.
	files    *certs.Watch   // of the port; nil: as above
	rights   *access.Rights // that apply
	isShared bool           // every user of this machine may connect to the socket
}

// controlPort is the state of the control port under TLS. It is never changed once it is published.
type controlPort struct {
	access   *access.MutualTLS
	info     certs.Info // of the daemon's certificate
	err      error      // of the last attempt to read the files again; nil: it succeeded
	failedAt time.Time
}

// controlReading is what was read for the control port and does not apply yet.
type controlReading struct {
	access    *access.MutualTLS // nil: as it is
	watch     *certs.Watch      // of the files it came from
	unrenewed error             // what is wrong with files that are the same as before, and so stay; nil: nothing
}

// controlFound is what was read before the endpoints are opened, or a reload.
type controlFound struct {
	port    controlReading
	rights  *access.Rights
	unixGID int // of the socket; -1: as it comes
	fifoGID int
}

// findKey returns the key that secret is, by the present rights.
func (c *control) findKey(secret string) (access.Key, bool) { return c.keys.Load().FindKey(secret) }

// warnOfUnreadable warns of keys that the process, as it is now, cannot read again.
func (c *control) warnOfUnreadable() {
	if c.rights == nil {
		return
	}
	for _, path := range c.rights.UnreadableKeys() {
		c.log.Warn("control key cannot be read any more with the rights that the daemon has left, so that every reload would fail; give the file to its group, with mode 0640", "file", path)
	}
}

// unreadableKeys returns the file of the port's private key if the process, as it is now, cannot
// read it again.
func (c *control) unreadableKeys() []string {
	if port := c.port.Load(); port != nil && !port.access.IsKeyReadable() {
		return []string{c.settings().Control.TLS.KeyFile}
	}
	return nil
}
