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

// worker is a worker as the run sees it.
type worker struct {
	// Fixed after creation.
	number  int
	pid     int // of its own process; 0: ours
	do      func(order) error
	leave   func()      // ends the worker, whatever it is doing
	reports chan report // answers to orders
	ended   chan struct{}
	first   int // streams
	last    int
	rooms   int

	completed atomic.Int64 // messages
	err       error        // after ended
}

// holds reports whether the worker has a stream in the room: stream i is in room i modulo the
// number of rooms.
func (w *worker) holds(room int) bool {
	if w.last-w.first >= w.rooms {
		return true
	}
	from, to := w.first%w.rooms, (w.last-1)%w.rooms
	if from <= to {
		return from <= room && room <= to
	}
	return room >= from || room <= to
}

// workers are all workers of a run.
type workers struct {
	list    []*worker
	changed chan struct{} // holds one token when a worker has made progress
}

// Spawn starts a process that calls [Serve] on what it reads and writes. Closing the pipe makes it
// end.
type Spawn func(ctx context.Context) (pipe io.ReadWriteCloser, pid int, err error)

// spec is the first thing that a worker process reads.
type spec struct {
	Options Options `json:"options"`
	Number  int     `json:"number"`
}

// startWorkers starts all workers, in this process if one is enough.
func startWorkers(ctx context.Context, o Options, spawn Spawn) (*workers, error) {
	ws := &workers{changed: make(chan struct{}, 1)}
	for i := range o.Processes {
		w := &worker{number: i, reports: make(chan report, 16), ended: make(chan struct{}), rooms: o.Rooms}
		w.first, w.last = o.share(i)
		var err error
		if o.Processes == 1 {
			err = ws.startHere(o, w)
		} else {
			err = ws.startProcess(ctx, o, w, spawn)
		}
		if err != nil {
			ws.stop()
			return nil, fmt.Errorf("start worker %d: %w", i, err)
		}
		ws.list = append(ws.list, w)
	}
	return ws, nil
}

// startHere runs a worker in this process.
func (ws *workers) startHere(o Options, w *worker) error {
	l, err := newStreamLoop(o, w.number, func(r report) { ws.take(w, r) })
	if err != nil {
		return err
	}
	w.do = l.do
	w.leave = l.loop.Stop
	go func() {
		w.err = l.run()
		close(w.ended)
	}()
	return nil
}

// startProcess runs a worker in a process of its own.
func (ws *workers) startProcess(ctx context.Context, o Options, w *worker, spawn Spawn) error {
	pipe, pid, err := spawn(ctx)
	if err != nil {
		return err
	}
	w.pid = pid
	hangUp := sync.OnceValue(pipe.Close) // leave and the reader below both call it
	enc, dec := json.NewEncoder(pipe), json.NewDecoder(pipe)
	if err := enc.Encode(spec{o, w.number}); err != nil {
		return errors.Join(err, hangUp())
	}
	w.do = func(o order) error { return enc.Encode(o) }
	w.leave = func() { _ = hangUp() } // its end is what matters
	go func() {
		defer close(w.ended)
		for {
			var r report
			err := dec.Decode(&r)
			switch {
			case errors.Is(err, io.EOF):
				w.err = hangUp()
				return
			case err != nil:
				w.err = errors.Join(err, hangUp())
				return
			case r.Error != "":
				w.err = errors.Join(errors.New(r.Error), hangUp())
				return
			}
			ws.take(w, r)
		}
	}()
	return nil
}

// take is called for each report, one after the other for each worker.
func (ws *workers) take(w *worker, r report) {
	w.completed.Store(int64(r.Completed))
	select {
	case ws.changed <- struct{}{}:
	default:
	}
	if !r.Progress {
		w.reports <- r
	}
}

// stop ends all workers and waits for them.
func (ws *workers) stop() {
	for _, w := range ws.list {
		w.leave()
		<-w.ended
	}
}

// errPatience is returned when workers have not carried out an order in time.
var errPatience = errors.New("not done in time")

// all gives an order to each worker and waits until it is carried out. When patience ends it
// returns errPatience, and what was reported so far.
func (ws *workers) all(ctx context.Context, patience time.Duration, o order) ([]report, error) {
	return ws.each(ctx, patience, func(int) order { return o })
}

// each is [workers.all] with an order for each worker by its number.
func (ws *workers) each(ctx context.Context, patience time.Duration, orders func(number int) order) ([]report, error) {
	for i, w := range ws.list {
		if err := w.do(orders(i)); err != nil {
			return nil, ws.explain(w, err)
		}
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	reports := make([]report, len(ws.list))
	for i, w := range ws.list {
		want := orders(i).Do
		for reports[i].Done != want {
			select {
			case reports[i] = <-w.reports:
			case <-w.ended:
				select {
				case reports[i] = <-w.reports: // its last
				default:
					return nil, ws.explain(w, nil)
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

func (ws *workers) explain(w *worker, err error) error {
	<-w.ended
	if w.err != nil {
		err = w.err
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("worker %d: %w", w.number, err)
}
