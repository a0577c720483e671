package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
)

const (
	// readRoom is how much is read from a socket at a time.
	readRoom = 64 << 10

	// plainRoom is the longest record of TLS.
	plainRoom = 16 << 10

	// tick is the time between two looks at what is to be opened again.
	tick = 100 * time.Millisecond

	// maxTries is how often a stream is tried to be opened, a tick apart.
	maxTries = 10

	// lazyPause is how long a lazy worker leaves bytes in the sockets.
	lazyPause = time.Millisecond
)

// worker holds a share of the streams on one event loop.
type worker struct {
	// Fixed after creation.
	o      Options
	form   form
	dialer dialer
	keepID bool
	loop   *reactor.Loop
	emit   func(report) // called on the loop
	ctx    context.Context
	cancel context.CancelFunc

	dialling sync.WaitGroup // goroutines
	openings atomic.Int64   // len(opening), for the poller

	// Owned by the loop.
	streams []*stream
	rooms   []window
	queue   []*stream // to be dialled, in this order
	later   []*stream // to be queued at the next tick
	opening map[*stream]struct{}
	timer   reactor.Timer
	raw     []byte // shared by all streams, for the length of one call
	plain   []byte

	pending   deed // the order that ends when nothing is to be opened any more
	awaiting  bool // doAwait is under way
	sent      []uint64
	behind    int
	churn     float64 // streams a tick
	churnDebt float64
	thawed    bool
	from      int64
	part      phase

	completed int // messages
	told      int // the last completed that was reported
	tally     tally
	slowTally tally
	connects  times
	latencies [phases]times
}

// newWorker makes the worker with that number, of o.Processes. It reports on its loop.
func newWorker(o Options, number int, emit func(report)) (*worker, error) {
	t, err := newTarget(o.URL, o.Headers)
	if err != nil {
		return nil, err
	}
	w := &worker{
		o:         o,
		form:      form{run: o.Run, size: o.Size},
		dialer:    dialer{target: t, timeout: o.Timeout},
		keepID:    o.Scenario == Storm,
		emit:      emit,
		opening:   map[*stream]struct{}{},
		rooms:     make([]window, o.Rooms),
		raw:       make([]byte, readRoom),
		plain:     make([]byte, plainRoom),
		connects:  newTimes(),
		latencies: [phases]times{newTimes(), newTimes(), newTimes()},
	}
	if w.dialer.tls, err = o.clientTLS(t); err != nil {
		return nil, err
	}
	w.dialer.sources = o.sources(t)
	if o.InFlight > 0 {
		for i := range w.rooms {
			w.rooms[i].size(o.InFlight)
		}
	}
	lo := reactor.Options{Contended: func() bool { return w.openings.Load() > 0 }, EndOfTurn: w.endOfTurn}
	if w.loop, err = reactor.New(lo); err != nil {
		return nil, err
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	first, last := o.share(number)
	for i := first; i < last; i++ {
		w.streams = append(w.streams, &stream{w: w, room: i % o.Rooms, slow: o.isSlow(i)})
	}
	return w, nil
}

// run turns the loop until doFinish was done or the loop fails.
func (w *worker) run() error {
	w.loop.Schedule(&w.timer, w, time.Now().Add(tick))
	err := w.loop.Run()
	w.cancel()
	w.dialling.Wait()
	return err
}

// do carries out an order. Any goroutine may call it.
func (w *worker) do(o order) error {
	return w.loop.PostWait(w.ctx, func() { w.obey(o) })
}

func (w *worker) obey(o order) {
	switch o.Do {
	case doOpen:
		for _, s := range w.streams {
			if o := w.o; o.Scenario != Churn {
				s.track.begin(1)
			}
			w.enqueue(s)
		}
		w.opens(doOpen)
	case doMeasure:
		w.from, w.part = o.From, o.Part
		w.report(doMeasure)
	case doChurn:
		w.churn = float64(o.N) * tick.Seconds()
		w.churnSome()
		w.report(doChurn)
	case doCalm:
		w.churn = 0
		w.opens(doCalm)
	case doStorm:
		for _, s := range w.streams {
			if o.N == 0 {
				break
			}
			if s.state == stateOpen && !s.slow {
				o.N--
				s.cut()
				w.enqueue(s)
			}
		}
		w.opens(doStorm)
	case doAwait:
		w.await(o.Sent)
	case doThaw:
		w.thawed = true
		for _, s := range w.streams {
			if s.ignored {
				s.ignored = false
				s.Again()
			}
		}
		w.report(doThaw)
	case doFinish:
		w.finish()
	}
}

// enqueue has s opened when its turn comes.
func (w *worker) enqueue(s *stream) {
	s.setState(stateQueued)
	w.queue = append(w.queue, s)
}

// opens makes d done when all that is queued is open or given up.
func (w *worker) opens(d deed) {
	w.pending = d
	w.dialSome()
}

// dialSome keeps as many streams being opened as there may be.
func (w *worker) dialSome() {
	for len(w.queue) > 0 && len(w.opening) < w.o.Opening {
		s := w.queue[0]
		w.queue = w.queue[1:]
		w.dial(s)
	}
	if w.pending != "" && len(w.queue)+len(w.opening)+len(w.later) == 0 {
		d := w.pending
		w.pending = ""
		w.report(d)
	}
}

func (w *worker) dial(s *stream) {
	s.setState(stateDialling)
	s.begun = time.Now()
	request := w.dialer.target.subscription(roomName(w.o.Run, s.room), string(s.reader.lastID))
	buffer := 0
	if s.slow {
		buffer = slowBuffer
	}
	w.dialling.Go(func() {
		c, err := w.dialer.dial(w.ctx, request, buffer)
		posted := w.loop.PostWait(w.ctx, func() {
			if err != nil {
				s.fail(err)
			} else {
				s.connected(c)
			}
		})
		if posted != nil && err == nil {
			w.closeFD(c.fd)
		}
	})
}

// again queues a stream whose opening has failed once more, or gives it up.
func (w *worker) again(s *stream, err error) {
	if s.tries++; s.tries < maxTries {
		w.later = append(w.later, s)
		return
	}
	s.tally().Failed++
	w.forget(s)
	w.note(s, err)
}

// note keeps the first error.
func (w *worker) note(s *stream, err error) {
	if t := s.tally(); t.FirstError == "" {
		t.FirstError = err.Error()
	}
}

// reopens says whether a stream that the server has ended is opened again: while streams are being opened, where a
// server may have to turn away for a moment, and in scenarios where clients come back.
func (w *worker) reopens() bool {
	return w.pending != "" || w.o.Scenario == Churn || w.o.Scenario == Storm
}

// HandleTimer implements reactor.TimerHandler.
func (w *worker) HandleTimer(t *reactor.Timer, now time.Time) {
	w.loop.Schedule(t, w, now.Add(tick))
	for s := range w.opening {
		if s.state == stateAsking && now.Sub(s.begun) > w.o.Timeout {
			s.fail(errors.New("no answer to the request in time"))
		}
	}
	for _, s := range w.later {
		w.enqueue(s)
	}
	w.later = w.later[:0]
	w.churnSome()
}

// churnSome ends as many streams as are due, any of them, and has others opened in their place.
func (w *worker) churnSome() {
	for w.churnDebt += w.churn; w.churnDebt >= 1 && w.churn > 0; w.churnDebt-- {
		s := w.streams[rand.IntN(len(w.streams))]
		if s.state == stateOpen {
			s.cut()
			s.track.begin(0) // another client
			w.enqueue(s)
		}
	}
}

// endOfTurn is the end of each turn of the loop.
func (w *worker) endOfTurn() (again bool) {
	w.dialSome()
	if w.completed != w.told {
		w.told = w.completed
		w.emit(report{Progress: true, Completed: w.completed})
	}
	if w.o.Lazy && w.from > 0 {
		pause := unix.NsecToTimespec(int64(lazyPause))
		_ = unix.Nanosleep(&pause, nil) // cut short by a signal, it is only less lazy
	}
	return false
}

// received notes a message of this run that s has had for the first time; next is what it had expected.
func (w *worker) received(s *stream, m message, v verdict, next uint64, now int64) {
	if v == fresh {
		if next == 0 {
			next = m.seq
		}
		w.completed += w.rooms[s.room].settle(next, m.seq)
	}
	if m.sent >= w.from && m.sent >= s.since { // what was due before it was open comes from the history
		w.latencies[w.part].record(now - m.sent)
	}
	if s.behind && s.track.next > w.sent[s.room] {
		w.forget(s)
	}
}

// await ends when each open stream has had all messages of its room.
func (w *worker) await(sent []uint64) {
	w.sent, w.behind, w.awaiting = sent, 0, true
	for _, s := range w.streams {
		s.behind = s.state != stateClosed && !s.slow && s.track.next <= sent[s.room]
		if s.behind {
			w.behind++
		}
	}
	w.endAwait()
}

// forget stops waiting for s.
func (w *worker) forget(s *stream) {
	if s.behind {
		s.behind = false
		w.behind--
		w.endAwait()
	}
}

func (w *worker) endAwait() {
	if w.awaiting && w.behind == 0 {
		w.awaiting = false
		w.report(doAwait)
	}
}

func (w *worker) report(d deed) {
	open := 0
	for _, s := range w.streams {
		if s.state == stateOpen {
			open++
		}
	}
	w.emit(report{Done: d, Open: open, Completed: w.completed, Received: w.tally.Received, Bytes: w.tally.Bytes + w.slowTally.Bytes})
}

// finish counts what is missing at the end, closes everything and gives the result.
func (w *worker) finish() {
	for _, s := range w.streams {
		// A slow stream that the server has ended is none any more; one that is open has no excuse.
		if w.sent != nil && (s.state == stateOpen || !s.slow) && s.track.next != 0 && s.track.next <= w.sent[s.room] {
			s.tally().Lost += w.sent[s.room] + 1 - s.track.next
		}
		s.Close()
	}
	w.emit(report{Done: doFinish, Result: &result{w.tally, w.slowTally, w.connects, w.latencies}})
	w.loop.Stop()
}

func (w *worker) closeFD(fd int) {
	if err := os.NewSyscallError("close", unix.Close(fd)); err != nil {
		panic(fmt.Sprintf("bench: internal error: descriptor %d: %v", fd, err))
	}
}
