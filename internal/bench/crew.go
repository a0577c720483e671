package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// hand is a worker as the conductor sees it.
type hand struct {
	// Fixed after creation.
	number  int
	pid     int // of its own process; 0: ours
	do      func(order) error
	leave   func()      // ends the worker, whatever it does
	reports chan report // answers to orders
	ended   chan struct{}
	first   int // streams
	last    int
	rooms   int

	completed atomic.Int64 // messages
	err       error        // after ended
}

// holds says whether the worker has a stream in the room: stream i is in room i modulo the number of rooms.
func (h *hand) holds(room int) bool {
	if h.last-h.first >= h.rooms {
		return true
	}
	from, to := h.first%h.rooms, (h.last-1)%h.rooms
	if from <= to {
		return from <= room && room <= to
	}
	return room >= from || room <= to
}

// crew is all workers of a run.
type crew struct {
	hands   []*hand
	changed chan struct{} // holds one token when a worker has made progress
}

// Spawn starts a process that calls [Serve] on what it reads and writes. Closing the pipe makes it end.
type Spawn func(ctx context.Context) (pipe io.ReadWriteCloser, pid int, err error)

// charter is the first thing that a worker process reads.
type charter struct {
	Options Options `json:"options"`
	Number  int     `json:"number"`
}

// muster starts all workers, in this process if one is enough.
func muster(ctx context.Context, o Options, spawn Spawn) (*crew, error) {
	c := &crew{changed: make(chan struct{}, 1)}
	for i := range o.Processes {
		h := &hand{number: i, reports: make(chan report, 16), ended: make(chan struct{}), rooms: o.Rooms}
		h.first, h.last = o.share(i)
		var err error
		if o.Processes == 1 {
			err = c.here(o, h)
		} else {
			err = c.elsewhere(ctx, o, h, spawn)
		}
		if err != nil {
			c.dismiss()
			return nil, fmt.Errorf("start worker %d: %w", i, err)
		}
		c.hands = append(c.hands, h)
	}
	return c, nil
}

// here runs a worker in this process.
func (c *crew) here(o Options, h *hand) error {
	w, err := newWorker(o, h.number, func(r report) { c.take(h, r) })
	if err != nil {
		return err
	}
	h.do = w.do
	h.leave = w.loop.Stop
	go func() {
		h.err = w.run()
		close(h.ended)
	}()
	return nil
}

// elsewhere runs a worker in a process of its own.
func (c *crew) elsewhere(ctx context.Context, o Options, h *hand, spawn Spawn) error {
	pipe, pid, err := spawn(ctx)
	if err != nil {
		return err
	}
	h.pid = pid
	hangUp := sync.OnceValue(pipe.Close) // by whoever is done first
	enc, dec := json.NewEncoder(pipe), json.NewDecoder(pipe)
	if err := enc.Encode(charter{o, h.number}); err != nil {
		return errors.Join(err, hangUp())
	}
	h.do = func(o order) error { return enc.Encode(o) }
	h.leave = func() { _ = hangUp() } // its end is what matters
	go func() {
		defer close(h.ended)
		for {
			var r report
			err := dec.Decode(&r)
			switch {
			case errors.Is(err, io.EOF):
				h.err = hangUp()
				return
			case err != nil:
				h.err = errors.Join(err, hangUp())
				return
			case r.Error != "":
				h.err = errors.Join(errors.New(r.Error), hangUp())
				return
			}
			c.take(h, r)
		}
	}()
	return nil
}

// take is called for each report, one after the other for each hand.
func (c *crew) take(h *hand, r report) {
	h.completed.Store(int64(r.Completed))
	select {
	case c.changed <- struct{}{}:
	default:
	}
	if !r.Progress {
		h.reports <- r
	}
}

// dismiss ends all workers and waits for them.
func (c *crew) dismiss() {
	for _, h := range c.hands {
		h.leave()
		<-h.ended
	}
}

// errPatience says that workers have not done what they were told in time.
var errPatience = errors.New("not done in time")

// all gives an order to each worker and waits until it is done; orders is called with the number of each. When
// patience ends it returns errPatience, and what was reported so far.
func (c *crew) all(ctx context.Context, patience time.Duration, o order) ([]report, error) {
	return c.each(ctx, patience, func(int) order { return o })
}

func (c *crew) each(ctx context.Context, patience time.Duration, orders func(number int) order) ([]report, error) {
	for i, h := range c.hands {
		if err := h.do(orders(i)); err != nil {
			return nil, c.explain(h, err)
		}
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	reports := make([]report, len(c.hands))
	for i, h := range c.hands {
		want := orders(i).Do
		for reports[i].Done != want {
			select {
			case reports[i] = <-h.reports:
			case <-h.ended:
				select {
				case reports[i] = <-h.reports: // its last
				default:
					return nil, c.explain(h, nil)
				}
			case <-timer.C:
				return reports, errPatience
			case <-ctx.Done():
				return reports, ctx.Err()
			}
		}
	}
	return reports, nil
}

func (c *crew) explain(h *hand, err error) error {
	<-h.ended
	if h.err != nil {
		err = h.err
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("worker %d: %w", h.number, err)
}

// Serve makes this process a worker of another one: it reads its orders from r and writes its reports to w, until it
// is told to finish or r ends.
func Serve(r io.Reader, w io.Writer) error {
	dec, enc := json.NewDecoder(r), json.NewEncoder(w)
	var c charter
	if err := dec.Decode(&c); err != nil {
		return fmt.Errorf("read the options: %w", err)
	}
	emit := func(r report) error { return enc.Encode(r) }
	if err := c.Options.fit(); err != nil {
		return emit(report{Error: err.Error()})
	}
	var lost error
	worker, err := newWorker(c.Options, c.Number, func(r report) {
		if err := emit(r); err != nil && lost == nil {
			lost = err
		}
	})
	if err != nil {
		return emit(report{Error: err.Error()})
	}
	go func() {
		for {
			var o order
			if dec.Decode(&o) != nil || worker.do(o) != nil {
				worker.loop.Stop()
				return
			}
		}
	}()
	return errors.Join(worker.run(), lost)
}
