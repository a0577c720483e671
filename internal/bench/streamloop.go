package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/reactor"
)

const (
	// readRoom is how much is read from a socket at a time.
	readRoom = 64 << 10

	// plainRoom is the longest record of TLS.
	plainRoom = 16 << 10

	// tick is the time between two attempts to open a stream, and between two rounds of churn.
	tick = 100 * time.Millisecond

	// maxTries is how often a stream is tried to be opened.
	maxTries = 10

	// lazyPause is how long a lazy worker leaves bytes in the sockets.
	lazyPause = time.Millisecond
)

// streamLoop holds a worker's share of the streams on one event loop.
type streamLoop struct {
	// Fixed after creation.
	o        Options
	form     form
	dialer   dialer
	loop     *reactor.Loop
	openings *openings[*stream]
	requests *requestEncoder // nil: HTTP/1.1
	counts   *counts
	emit     func(report) // called on the loop
	ctx      context.Context
	cancel   context.CancelFunc
	dialling sync.WaitGroup // goroutines

	// Owned by the loop.
	streams []*stream
	dirty   []*mux // have something to send
	timer   reactor.Timer
	raw     []byte // shared by all streams, for the length of one call
	plain   []byte
	waiting deed // the order that ends when nothing is left to be opened
	catchup catchup
	churn   churn
	told    int  // the number of completed messages that was last reported
	thawed  bool // the slow streams may read
}

// newStreamLoop returns the loop of the worker with that number, of o.Processes. It reports on its
// loop.
func newStreamLoop(o Options, number int, emit func(report)) (*streamLoop, error) {
	t, err := newTarget(o.URL, o.Headers)
	if err != nil {
		return nil, err
	}
	l := &streamLoop{
		o:        o,
		form:     form{run: o.Run, size: o.Size},
		dialer:   dialer{target: t, timeout: o.Timeout, sources: o.sources(t)},
		openings: newOpenings[*stream](o.Opening),
		counts:   newCounts(&o),
		emit:     emit,
		raw:      make([]byte, readRoom),
		plain:    make([]byte, plainRoom),
	}
	if l.dialer.tls, err = o.clientTLS(t); err != nil {
		return nil, err
	}
	if o.HTTP2 {
		l.dialer.http2, l.requests = true, newRequestEncoder()
	}
	lo := reactor.Options{Contended: func() bool { return l.openings.pending.Load() > 0 }, EndOfTurn: l.endOfTurn}
	if l.loop, err = reactor.New(lo); err != nil {
		return nil, err
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	first, last := o.share(number)
	var shared *group
	for i := first; i < last; i++ {
		if o.HTTP2 && (i-first)%o.StreamsPerConnection == 0 {
			shared = &group{l: l}
		}
		l.streams = append(l.streams, &stream{l: l, room: i % o.Rooms, slow: o.isSlow(i), group: shared})
	}
	return l, nil
}

// run turns the loop until doFinish was carried out or the loop fails.
func (l *streamLoop) run() error {
	l.loop.Schedule(&l.timer, l, time.Now().Add(tick))
	err := l.loop.Run()
	l.cancel()
	l.dialling.Wait()
	return err
}

// do carries out an order. Any goroutine may call it.
func (l *streamLoop) do(o order) error {
	return l.loop.PostWait(l.ctx, func() { l.obey(o) })
}

func (l *streamLoop) obey(o order) {
	switch o.Do {
	case doOpen:
		for _, s := range l.streams {
			if l.o.Scenario != Churn {
				s.track.begin(1)
			}
			l.enqueue(s)
		}
		l.reportWhenOpen(doOpen)
	case doMeasure:
		l.counts.measure(o.Part, o.From)
		l.report(doMeasure)
	case doChurn:
		l.churn = churn{each: float64(o.N) * tick.Seconds()}
		l.cutSome()
		l.report(doChurn)
	case doCalm:
		l.churn = churn{}
		l.reportWhenOpen(doCalm)
	case doStorm:
		l.cutAll(o.N)
		l.reportWhenOpen(doStorm)
	case doAwait:
		l.await(o.Sent)
	case doThaw:
		l.thaw()
		l.report(doThaw)
	case doFinish:
		l.finish()
	}
}

// enqueue has s opened when its turn comes.
func (l *streamLoop) enqueue(s *stream) {
	s.setState(stateQueued)
	l.openings.add(s)
}

// reportWhenOpen reports d when all that is queued is open or given up.
func (l *streamLoop) reportWhenOpen(d deed) {
	l.waiting = d
	l.dialSome()
}

// dialSome dials as many streams as may be opened at a time.
func (l *streamLoop) dialSome() {
	for s, ok := l.openings.next(); ok; s, ok = l.openings.next() {
		l.dial(s)
	}
	if l.waiting != "" && l.openings.isDone() {
		d := l.waiting
		l.waiting = ""
		l.report(d)
	}
}

func (l *streamLoop) dial(s *stream) {
	s.setState(stateDialling)
	s.begun = time.Now()
	if s.group != nil {
		s.group.ask(s)
		return
	}
	request := l.dialer.target.subscription(roomName(l.o.Run, s.room), string(s.reader.lastID))
	buffer := 0
	if s.slow {
		buffer = slowBuffer
	}
	l.dialling.Go(func() {
		c, err := l.dialer.dial(l.ctx, request, buffer)
		posted := l.loop.PostWait(l.ctx, func() {
			if err != nil {
				s.fail(err)
			} else {
				s.connected(c)
			}
		})
		if posted != nil && err == nil {
			closeFD(c.fd)
		}
	})
}

// retry has a stream opened again whose opening has failed, or gives it up.
func (l *streamLoop) retry(s *stream, err error) {
	if s.tries++; s.tries < maxTries {
		l.openings.retry(s)
		return
	}
	s.tally().Failed++
	l.forget(s)
	s.tally().note(err)
}

// reopens reports whether a stream that the server has ended is opened again: while streams are
// being opened, where a server may have to refuse some for a moment, and in scenarios where clients
// come back.
func (l *streamLoop) reopens() bool {
	return l.waiting != "" || l.o.Scenario == Churn || l.o.Scenario == Storm
}

// HandleTimer implements reactor.TimerHandler.
func (l *streamLoop) HandleTimer(t *reactor.Timer, now time.Time) {
	l.loop.Schedule(t, l, now.Add(tick))
	for s := range l.openings.active {
		if s.state == stateAsking && now.Sub(s.begun) > l.o.Timeout {
			s.fail(errors.New("no answer to the request in time"))
		}
	}
	for _, s := range l.openings.tick() {
		l.enqueue(s)
	}
	l.cutSome()
}

// endOfTurn is the end of each turn of the loop.
func (l *streamLoop) endOfTurn() (again bool) {
	l.dialSome()
	for len(l.dirty) > 0 { // sending may end a connection
		m := l.dirty[len(l.dirty)-1]
		l.dirty = l.dirty[:len(l.dirty)-1]
		m.flush()
	}
	if l.counts.completed != l.told {
		l.told = l.counts.completed
		l.emit(report{Progress: true, Completed: l.told})
	}
	if l.o.Lazy && l.counts.from > 0 {
		pause := unix.NsecToTimespec(int64(lazyPause))
		_ = unix.Nanosleep(&pause, nil) // a signal that cuts it short only makes it less lazy
	}
	return false
}

// cutSome ends as many streams as churn has due, chosen at random, and has others opened in their
// place.
func (l *streamLoop) cutSome() {
	for range l.churn.due() {
		s := l.streams[rand.IntN(len(l.streams))]
		if s.state == stateOpen {
			s.cut()
			s.track.begin(0) // another client
			l.enqueue(s)
		}
	}
}

// cutAll ends n streams at once and has them opened again. A connection that loses all of its
// streams ends with them, as that of a client does whose network is gone.
func (l *streamLoop) cutAll(n int) {
	gone := make(map[*group]bool)
	for _, s := range l.streams {
		if n == 0 {
			break
		}
		if s.state == stateOpen && !s.slow {
			n--
			s.cut()
			l.enqueue(s)
			if s.group != nil {
				gone[s.group] = true
			}
		}
	}
	for g := range gone {
		g.endIdle()
	}
}

// thaw lets the slow streams read.
func (l *streamLoop) thaw() {
	l.thawed = true
	for _, s := range l.streams {
		if s.ignored {
			s.ignored = false
			s.thaw()
		}
	}
}

// await reports when each open stream has had all messages of its room.
func (l *streamLoop) await(sent []uint64) {
	l.catchup.begin(sent)
	for _, s := range l.streams {
		s.behind = s.state != stateClosed && !s.slow && l.catchup.isBehind(s.room, s.track.next)
		if s.behind {
			l.catchup.missing++
		}
	}
	l.reportCatchup()
}

// received notes that s has had one more message.
func (l *streamLoop) received(s *stream) {
	if s.behind && !l.catchup.isBehind(s.room, s.track.next) {
		l.forget(s)
	}
}

// forget stops waiting for s.
func (l *streamLoop) forget(s *stream) {
	if s.behind {
		s.behind = false
		l.catchup.missing--
		l.reportCatchup()
	}
}

func (l *streamLoop) reportCatchup() {
	if l.catchup.isOver() {
		l.report(doAwait)
	}
}

func (l *streamLoop) report(d deed) {
	open := 0
	for _, s := range l.streams {
		if s.state == stateOpen {
			open++
		}
	}
	l.emit(l.counts.progress(d, open))
}

// finish counts what is missing at the end, closes everything and reports the result.
func (l *streamLoop) finish() {
	for _, s := range l.streams {
		// The server may end a slow stream, which then misses nothing; one that is open has no
		// excuse.
		if s.state == stateOpen || !s.slow {
			s.tally().Lost += l.catchup.lost(s.room, s.track.next)
		}
		s.disconnect()
	}
	for _, s := range l.streams {
		if s.group != nil {
			s.group.end()
		}
	}
	l.emit(report{Done: doFinish, Result: l.counts.result()})
	l.loop.Stop()
}

func closeFD(fd int) {
	if err := os.NewSyscallError("close", unix.Close(fd)); err != nil {
		panic(fmt.Sprintf("bench: internal error: descriptor %d: %v", fd, err))
	}
}
