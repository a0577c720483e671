package server

import (
	"log/slog"
	"net"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/publish"
)

// Bounds of one control connection.
const (
	writeTimeout  = 10 * time.Second // for each writeChunk of answers
	answerTimeout = 30 * time.Second // for an answer as a whole
	writeChunk    = 64 << 10
	readChunk     = 32 << 10
	callTimeout   = 10 * time.Second // for what is asked of the Backend
)

// speaker turns the bytes of one connection into commands and runs them, one after another.
type speaker interface {
	feed(data []byte)
	// pending returns how many bytes the unfinished command has that a pause would end; 0 without
	// one.
	pending() int
	// flush ends the unfinished command: after a pause, or at the end.
	flush()
}

// maxWrongKeys is how many wrong keys a connection may send before it is closed.
const maxWrongKeys = 3

// conn is one control connection. Its reader runs the commands in the order of their arrival; its
// writer sends the answers in that order.
type conn struct {
	// Fixed after creation, over TLS when the handshake is done.
	*shared
	seat   *seat
	source string // the address, or the user of this machine, that it comes from
	log    *slog.Logger
	input  *input
	out    net.Conn     // nil: a FIFO, which cannot be answered
	queue  *answerQueue // nil without out
	line   *lineHold

	// Owned by the reader.
	head      []byte // the first bytes, while they may belong to several forms
	speaker   speaker
	principal access.Principal // its endpoint and identity are fixed
	wrongKeys int
	publisher *publish.Source
}

// stop implements occupant.
func (c *conn) stop() { c.input.stop() }

// abort implements occupant.
func (c *conn) abort() {
	if c.queue != nil {
		c.queue.cut()
	}
	c.input.src.cut()
}

// isFinished reports whether the connection must be closed: it has sent too many wrong keys.
func (c *conn) isFinished() bool { return c.wrongKeys >= maxWrongKeys }

// wait waits for d, or until the server stops.
func (c *conn) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.roster.stopping:
	}
}

// answer queues the answer to the command that is running.
func (c *conn) answer(x answer) {
	if c.queue != nil {
		c.queue.put(x)
	}
}

// waitRoom waits until the next command may run, and reports whether it may run at all.
func (c *conn) waitRoom() bool { return !c.isFinished() && (c.queue == nil || c.queue.waitRoom()) }

// refused counts and logs a command that got an error instead of a result.
func (c *conn) refused(e *api.Error, attrs ...slog.Attr) {
	c.refusals.refuseCommand(c.log, e, append(attrs, c.keyAttrs()...)...)
}

// keyAttrs returns the log attribute that names the connection's key, if it has one.
func (c *conn) keyAttrs() []slog.Attr {
	if c.principal.KeyID() == "" {
		return nil
	}
	return []slog.Attr{slog.String("key", c.principal.KeyID())}
}
