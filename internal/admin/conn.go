package admin

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/list"
	"github.com/hassesd/hassesd/internal/safetext"
	"github.com/hassesd/hassesd/internal/sse"
)

// Bounds of one control connection.
const (
	writeTimeout   = 10 * time.Second // for each writeChunk of answers
	answerTimeout  = 30 * time.Second // for an answer as a whole
	writeChunk     = 64 << 10
	readChunk      = 32 << 10
	publishTimeout = 30 * time.Second // for a message to find room while the loops are behind
	callTimeout    = 10 * time.Second // for everything else that is asked of the Backend
)

// speaker turns the bytes of one connection into commands and runs them, one after another.
type speaker interface {
	feed(data []byte)
	// pending is how many bytes a command has had that a pause would end; 0: there is none.
	pending() int
	// flush ends the command under way: after a pause, or at the end.
	flush()
}

// conn is one control connection. Its reader runs the commands in the order of their arrival; its writer sends the
// answers in that order.
type conn struct {
	// Fixed after creation, over TLS when the handshake is done.
	server *Server
	number uint64 // of the server's connections
	source string // the address, or the user of this machine, that it comes from
	log    *slog.Logger
	input  *input
	out    net.Conn // nil: a FIFO, which cannot be answered
	queue  *answers // nil without out
	line   *lineHold

	// Fixed after creation.
	origin  string     // whose share of the lobby it is part of
	address netip.Addr // at the TLS door

	// Guarded by server.mu.
	hasPlace   bool // one of its door's
	isStranger bool // has no role, or a TLS handshake before it
	inLobby    bool
	arrived    time.Time // in the lobby
	lobbyNode  list.Node[conn]
	isEntering bool // it has a role and waits for a place
	isAdmitted bool // the table of networks counts it
	isEvicted  bool

	// Owned by the reader.
	head      []byte // the first bytes, while they may belong to several forms
	speaker   speaker
	principal access.Principal // its door and who is there are fixed
	wrongKeys int
	pacer     pacer
}

// run reads until the end of the connection. All that was sent is run, even if the peer is gone.
func (c *conn) run() {
	written := make(chan struct{})
	if c.out == nil {
		close(written)
		c.speaker = newClassic(c)
	} else {
		go func() {
			defer close(written)
			c.write()
		}()
	}
	c.read()
	c.line.resize(0)
	if c.queue != nil {
		c.queue.finish()
	}
	<-written
	if c.isFinished() {
		c.linger()
	}
	c.input.src.Close()
}

// linger lets the peer read the last answer: what it has sent and is not read would make the kernel throw it away.
func (c *conn) linger() {
	out, ok := c.out.(interface{ CloseWrite() error })
	if !ok || out.CloseWrite() != nil || c.out.SetReadDeadline(time.Now().Add(lingerTimeout)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.out, lingerBytes) // it has no further say
}

// wait does nothing for a while, which the end of the server cuts short.
func (c *conn) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.server.stopping:
	}
}

func (c *conn) read() {
	buf := make([]byte, readChunk)
	for {
		n, event := c.input.read(buf, pauseAfter(c.pending()))
		open := true
		switch event {
		case readData:
			open = c.feed(buf[:n])
		case readPause, readEnd:
			open = c.flush() && event == readPause
		case readCut:
			open = false
		}
		if !open {
			return
		}
	}
}

func (c *conn) pending() int {
	if c.speaker == nil {
		return len(c.head)
	}
	return c.speaker.pending()
}

// feed returns false when the connection is to be closed.
func (c *conn) feed(data []byte) bool {
	if c.speaker == nil {
		c.head = append(c.head, data...)
		return c.decide(false)
	}
	c.speaker.feed(data)
	return !c.isFinished()
}

// flush takes a pause, or the end. It returns false when the connection is to be closed.
func (c *conn) flush() bool {
	if c.speaker == nil && len(c.head) == 0 {
		return true
	}
	if c.speaker == nil && !c.decide(true) {
		return false
	}
	c.speaker.flush()
	return !c.isFinished()
}

// decide looks at the first bytes, and lets the speaker of their form have them.
func (c *conn) decide(over bool) bool {
	switch sniff(c.head, over) {
	case formUnknown:
		return true
	case formClassic:
		c.speaker = newClassic(c)
	case formJSON:
		c.speaker = newRPC(c)
	case formHTTP:
		c.refuse(api.RefusedHTTP)
		return false
	case formTLS:
		c.refuse(api.RefusedTLS)
		return false
	}
	head := c.head
	c.head = nil
	c.speaker.feed(head)
	return !c.isFinished()
}

// refuse counts and logs that the connection is closed for its first bytes, of which nothing is answered.
func (c *conn) refuse(reason api.Refusal) {
	c.server.backend.CountCommandError(string(reason))
	c.log.Info("control connection refused", "reason", string(reason))
	c.queue.cut() // nothing was sniffed at a FIFO
}

// answer queues the answer of the command that is being run.
func (c *conn) answer(x answer) {
	if c.queue != nil {
		c.queue.put(x)
	}
}

// waitRoom waits until the next command may be run; false: it must not be run at all.
func (c *conn) waitRoom() bool { return !c.isFinished() && (c.queue == nil || c.queue.waitRoom()) }

// write is the writer: it ends with the last answer, or when the peer takes no more. A peer that is gone may have left
// commands, so its input stays open; one that is there and does not read is cut off.
func (c *conn) write() {
	for {
		x, ok := c.queue.next()
		if !ok {
			return
		}
		err := c.deliver(x)
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			c.queue.gone()
			return
		}
		c.queue.cut()
		c.server.backend.CountCommandError(string(api.RefusedSlow))
		c.log.Info("control connection cut off", "reason", string(api.RefusedSlow))
		c.input.src.cut()
		return
	}
}

// deliver sends one answer, within its time as a whole.
func (c *conn) deliver(x answer) error {
	defer x.release()
	switch {
	case x.pieces != nil:
		ctx, cancel := context.WithTimeout(c.server.ctx, c.server.listPatience)
		defer cancel()
		until := time.Now().Add(c.server.listPatience)
		return x.pieces(ctx, func(text []byte) error { return c.send(text, until) })
	case x.later != nil:
		x.text = x.later(c.server.ctx)
	}
	return c.send(x.text, time.Now().Add(c.server.answerTimeout))
}

// send writes a text. It gives up when a piece of it, or the answer that it is a part of, takes too long.
func (c *conn) send(text []byte, until time.Time) error {
	for len(text) > 0 {
		if time.Now().After(until) {
			return os.ErrDeadlineExceeded
		}
		n := min(len(text), writeChunk)
		if err := c.out.SetWriteDeadline(time.Now().Add(c.server.writeTimeout)); err != nil {
			return err
		}
		if _, err := c.out.Write(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}

// abort ends the connection without waiting for anything.
func (c *conn) abort() {
	if c.queue != nil {
		c.queue.cut()
	}
	c.input.src.cut()
}

// publish gives a message to the Backend, in the order of arrival.
func (c *conn) publish(p api.SendParams) (Delivery, error) {
	var fault *sse.EventError
	if err := (sse.Event{Name: p.Event, Retry: sse.RetryOf(p.Retry)}).Check(); errors.As(err, &fault) {
		return nil, api.InvalidParams(fault.Hint, "%s", fault)
	}
	if limit := c.server.maxMessage(); len(p.Data) > limit {
		return nil, tooLarge(len(p.Data), limit)
	}
	c.keepPace(len(p.Data))
	ctx, cancel := context.WithTimeout(c.server.ctx, publishTimeout)
	defer cancel()
	return c.server.backend.Publish(ctx, p)
}

// matched waits for the number of streams that a message was queued for.
func matched(ctx context.Context, d Delivery) (int, *api.Error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	n, err := d.Matched(ctx)
	if err != nil {
		return 0, &api.Error{
			Code:    api.CodeOverloaded,
			Message: "message " + d.ID() + " was taken, but its streams were not counted in time",
			Hint:    "do not send it again",
		}
	}
	return n, nil
}

// refused counts and logs a command that got an error instead of a result.
func (c *conn) refused(e *api.Error, attrs ...slog.Attr) {
	reason := refusalOf(e)
	c.server.backend.CountCommandError(string(reason))
	attrs = append(attrs, slog.String("reason", string(reason)), slog.String("err", safetext.ASCII(e.Message)))
	attrs = append(attrs, c.keyAttrs()...)
	level, missing := c.server.loud()
	c.log.LogAttrs(context.Background(), level, "control command refused", append(attrs, missing...)...)
}
