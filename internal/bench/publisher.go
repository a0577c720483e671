package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// publisher sends the messages of a run. It belongs to one goroutine at a time.
type publisher struct {
	// Fixed after creation.
	o       Options
	form    form
	conn    *PublishConn
	rooms   []string
	workers *workers

	next     int      // room
	sent     []uint64 // last number of each room
	total    uint64
	byWorker []int // messages for rooms in which the worker holds streams
	buf      []byte
	behind   time.Duration // the most that a message was sent after it was due
}

// maxUnanswered bounds the messages of an open loop that have no answer yet. When as many wait,
// later ones are late.
const maxUnanswered = 4096

var errStalled = errors.New("no message has arrived in time")

func newPublisher(o Options, conn *PublishConn, ws *workers) *publisher {
	p := &publisher{
		o:        o,
		form:     form{run: o.Run, size: o.Size},
		conn:     conn,
		rooms:    make([]string, o.Rooms),
		workers:  ws,
		sent:     make([]uint64, o.Rooms),
		byWorker: make([]int, len(ws.list)),
	}
	for i := range p.rooms {
		p.rooms[i] = roomName(o.Run, i)
	}
	return p
}

// run publishes until stop is closed, at the rate or with the messages in flight of the options.
func (p *publisher) run(stop <-chan struct{}) error {
	if p.o.InFlight > 0 {
		return p.closedLoop(stop)
	}
	return p.openLoop(stop)
}

// openLoop sends messages when they are due, whatever has become of those before. A message carries
// the time when it was due, so that its latency includes how late it was sent.
func (p *publisher) openLoop(stop <-chan struct{}) error {
	start := time.Now()
	for k := 0; ; k++ {
		due := start.Add(time.Duration(float64(k) / p.o.Rate * float64(time.Second)))
		if !until(due, stop) {
			return nil
		}
		if err := p.fewer(maxUnanswered, stop); err != nil {
			return err
		}
		p.behind = max(p.behind, time.Since(due))
		if err := p.one(due); err != nil {
			return err
		}
		if err := p.conn.Flush(); err != nil {
			return err
		}
	}
}

// fewer waits until fewer than n messages have no answer, or stop is closed.
func (p *publisher) fewer(n int, stop <-chan struct{}) error {
	select {
	case <-p.conn.ended:
		return p.conn.err
	default:
	}
	for p.unanswered() >= n {
		select {
		case <-p.conn.changed:
		case <-p.conn.ended:
			return p.conn.err
		case <-stop:
			return nil
		case <-time.After(p.o.Timeout):
			return fmt.Errorf("%w: no answers", ErrPublish)
		}
	}
	return nil
}

// acknowledged waits until all messages have an answer.
func (p *publisher) acknowledged(ctx context.Context) error { return p.fewer(1, ctx.Done()) }

// closedLoop sends a message when one that was on its way has reached all streams of its room.
func (p *publisher) closedLoop(stop <-chan struct{}) error {
	patience := time.NewTimer(p.o.Timeout)
	defer patience.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-p.conn.ended:
			return p.conn.err
		default:
		}
		before := p.total
		for p.inFlight() < p.o.InFlight {
			if err := p.one(time.Now()); err != nil {
				return err
			}
		}
		if p.total != before {
			if err := p.conn.Flush(); err != nil {
				return err
			}
		}
		patience.Reset(p.o.Timeout)
		select {
		case <-stop:
			return nil
		case <-p.conn.changed:
		case <-p.workers.changed:
		case <-p.conn.ended:
			return p.conn.err
		case <-patience.C:
			return errStalled
		}
	}
}

// round sends one message to each room.
func (p *publisher) round() error {
	for range p.rooms {
		if err := p.one(time.Now()); err != nil {
			return err
		}
	}
	return p.conn.Flush()
}

func (p *publisher) one(due time.Time) error {
	room := p.next
	p.next = (p.next + 1) % len(p.rooms)
	p.sent[room]++
	p.total++
	for i, w := range p.workers.list {
		if w.holds(room) {
			p.byWorker[i]++
		}
	}
	p.buf = p.form.append(p.buf[:0], message{room: uint32(room), seq: p.sent[room], sent: due.UnixNano()})
	return p.conn.send(p.rooms[room], p.buf)
}

func (p *publisher) unanswered() int { return int(p.total - p.conn.answers.Load()) }

// inFlight returns the number of messages that are not answered, or have not reached all streams of
// the slowest worker.
func (p *publisher) inFlight() int {
	n := p.unanswered()
	for i, w := range p.workers.list {
		n = max(n, p.byWorker[i]-int(w.completed.Load()))
	}
	return n
}

// numbers returns the last number of each room.
func (p *publisher) numbers() []uint64 { return slices.Clone(p.sent) }

// fine is the last part of a wait, for which timers of the Go runtime are too coarse: they fire up
// to a millisecond late when the process is idle.
const fine = 2 * time.Millisecond

// until waits for t and reports whether it came before stop.
func until(t time.Time, stop <-chan struct{}) bool {
	if coarse := time.Until(t) - fine; coarse > 0 {
		timer := time.NewTimer(coarse)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-stop:
			return false
		}
	}
	for rest := time.Until(t); rest > 0; rest = time.Until(t) {
		pause := unix.NsecToTimespec(int64(rest))
		_ = unix.Nanosleep(&pause, nil) // cut short by a signal, the rest follows
	}
	select {
	case <-stop:
		return false
	default:
		return true
	}
}
