package server

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// write is the writer: it ends with the last answer, or when the peer takes no more. A peer that is
// gone may have left commands, so its input stays open; one that is there and does not read is cut
// off.
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
		c.refusals.cutOff(c.log, api.RefusedSlow)
		c.input.src.cut()
		return
	}
}

// deliver sends one answer, within its time as a whole.
func (c *conn) deliver(x answer) error {
	defer x.release()
	switch {
	case x.pieces != nil:
		ctx, cancel := context.WithTimeout(c.ctx, c.timeouts.list)
		defer cancel()
		until := time.Now().Add(c.timeouts.list)
		return x.pieces(ctx, func(text []byte) error { return c.send(text, until) })
	case x.later != nil:
		ctx, cancel := context.WithTimeout(c.ctx, callTimeout)
		x.text = x.later(ctx)
		cancel()
	}
	return c.send(x.text, time.Now().Add(c.timeouts.answer))
}

// send writes a text. It gives up when a piece of it, or the answer that it is a part of, takes too
// long.
func (c *conn) send(text []byte, until time.Time) error {
	for len(text) > 0 {
		if time.Now().After(until) {
			return os.ErrDeadlineExceeded
		}
		n := min(len(text), writeChunk)
		if err := c.out.SetWriteDeadline(time.Now().Add(c.timeouts.write)); err != nil {
			return err
		}
		if _, err := c.out.Write(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
}
