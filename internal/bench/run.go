package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"
)

// Parts are what a run needs besides its options.
type Parts struct {
	Door   *Door        // where messages are published; not for Idle
	PIDs   []int        // of the server; none: nothing is said about its memory and processor time
	Spawn  Spawn        // for worker processes
	Report func(string) // is told what goes on, for people
}

// conductor is a run under way.
type conductor struct {
	o     Options
	parts Parts
	crew  *crew
	pub   *publisher
	res   *Result

	empty usage // of the server
	open  usage
	all   tally // after finish
	slow  tally
	opens times
	lats  [phases]times
}

// Run does what the options say and returns what it found, also when ctx ends before. An error is of the generator: a
// server that loses messages is a matter of the Result's Problems.
func Run(ctx context.Context, o Options, parts Parts) (*Result, error) {
	if err := o.Complete(); err != nil {
		return nil, err
	}
	if err := o.fit(); err != nil {
		return nil, err
	}
	setDefault(&o.Run, newRun())
	if parts.Door == nil && o.Scenario != Idle {
		return nil, errors.New("bench: internal error: no way to publish")
	}
	crew, err := muster(ctx, o, parts.Spawn)
	if err != nil {
		return nil, err
	}
	defer crew.dismiss()
	c := &conductor{o: o, parts: parts, crew: crew, res: &Result{
		Scenario: o.Scenario, URL: o.URL, Curve: o.Curve, Streams: o.Streams, Rooms: o.Rooms,
		Rate: o.Rate, InFlight: o.InFlight, Size: o.Size, Lazy: o.Lazy, Processes: o.Processes,
	}}
	if t, err := newTarget(o.URL, nil); err == nil && t.secure {
		c.res.TLS = o.TLS
	}
	if o.Scenario == Idle {
		c.res.Rate = 0
	} else {
		c.pub = newPublisher(o, parts.Door, crew)
	}
	if err := c.conduct(ctx); err != nil {
		return nil, err
	}
	return c.res, nil
}

func newRun() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

func (c *conductor) conduct(ctx context.Context) error {
	steps := []func(context.Context) error{c.connect, c.settle}
	switch c.o.Scenario {
	case Idle:
		steps = append(steps, c.idle)
	case Fanout, Rooms, Slow:
		steps = append(steps, c.warm, c.deliver)
	case Churn:
		steps = append(steps, c.warm, c.churn)
	case Storm:
		steps = append(steps, c.warm, c.storm)
	}
	for _, step := range steps {
		err := step(ctx)
		if ctx.Err() != nil {
			c.res.Interrupted = true
			break
		}
		if err != nil {
			return err
		}
	}
	return c.finish()
}

// connect opens all streams.
func (c *conductor) connect(ctx context.Context) error {
	var err error
	if c.empty, err = c.server(true); err != nil {
		return err
	}
	c.say("opening %d streams", c.o.Streams)
	before, err := c.mark()
	if err != nil {
		return err
	}
	reports, err := c.crew.all(ctx, c.patience(c.o.Streams), order{Do: doOpen})
	if err != nil {
		return fmt.Errorf("open %d streams: %w", c.o.Streams, err)
	}
	load, err := c.since(before)
	if err != nil {
		return err
	}
	open := 0
	for _, r := range reports {
		open += r.Open
	}
	c.res.Connect = Connect{
		Load:      load,
		PerSecond: float64(open) / load.Seconds,
		ServerPer: per(load.ServerCPU, uint64(open), 1000),
		SelfPer:   per(load.GeneratorCPU, uint64(open), 1000),
	}
	if open < c.o.Streams {
		if err := c.finish(); err != nil {
			return err
		}
		return fmt.Errorf("%d of %d streams are open: %s", open, c.o.Streams, c.all.FirstError+c.slow.FirstError)
	}
	return nil
}

// patience is the time that opening n streams may take: that of one for each thousand, and once more.
func (c *conductor) patience(n int) time.Duration {
	return c.o.Timeout * time.Duration(2+n/1000)
}

// settle lets the server come to rest and looks at its memory.
func (c *conductor) settle(ctx context.Context) error {
	pause(ctx, c.o.Settle)
	var err error
	c.open, err = c.server(true)
	return err
}

// idle does nothing for a while.
func (c *conductor) idle(ctx context.Context) error {
	before, err := c.mark()
	if err != nil {
		return err
	}
	c.say("idle for %s", c.o.Duration)
	pause(ctx, c.o.Duration)
	load, err := c.since(before)
	c.res.Idle = &load
	return err
}

// warm publishes for a while without measuring.
func (c *conductor) warm(ctx context.Context) error {
	if c.o.Warmup == 0 {
		return nil
	}
	c.say("warming up for %s", c.o.Warmup)
	if err := c.publishFor(ctx, c.o.Warmup); err != nil {
		return err
	}
	return c.drain(ctx)
}

// publishFor publishes for d, or until ctx ends.
func (c *conductor) publishFor(ctx context.Context, d time.Duration) error {
	ctx, stop := c.publish(ctx)
	pause(ctx, d)
	return stop()
}

// publish begins to publish. The context it returns ends with the publishing; the function ends that.
func (c *conductor) publish(ctx context.Context) (context.Context, func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- c.pub.run(ctx.Done())
		cancel()
	}()
	return ctx, func() error {
		cancel()
		return <-ended
	}
}

// drain waits until all that was published has arrived. What does not in time is lost, and found by the workers.
func (c *conductor) drain(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	if err := c.pub.acknowledged(ctx); err != nil {
		return err
	}
	_, err := c.crew.all(ctx, c.o.Timeout, order{Do: doAwait, Sent: c.pub.numbers()})
	if errors.Is(err, errPatience) {
		c.say("not all messages have arrived after %s", c.o.Timeout)
		return nil
	}
	return err
}

// measured runs what publishes and drains, and says what it has cost.
func (c *conductor) measured(ctx context.Context, what func() error) error {
	sent := c.pub.total
	received, bytes, err := c.part(phaseCalm)
	if err != nil {
		return err
	}
	before, err := c.mark()
	if err != nil {
		return err
	}
	c.say("publishing for %s", c.o.Duration)
	stalled := what()
	if stalled != nil && !errors.Is(stalled, errStalled) {
		return stalled
	}
	if err := c.drain(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	load, err := c.since(before)
	if err != nil {
		return err
	}
	receivedEnd, bytesEnd, err := c.part(phaseWarm)
	if err != nil {
		return err
	}
	n := receivedEnd - received
	c.res.Delivery = &Delivery{
		Load:       load,
		Messages:   c.pub.total - sent,
		Deliveries: n,
		PerSecond:  float64(n) / load.Seconds,
		WireBytes:  per(float64(bytesEnd-bytes), n, 1),
		ServerPer:  per(load.ServerCPU, n, 1e6),
		SelfPer:    per(load.GeneratorCPU, n, 1e6),
		Behind:     float64(c.pub.behind.Microseconds()) / 1000,
	}
	return nil
}

// part begins a part of the run and returns what all workers have received until then.
func (c *conductor) part(p phase) (received, bytes uint64, err error) {
	// Also after the run was interrupted: its figures are wanted.
	reports, err := c.crew.all(context.Background(), c.o.Timeout, order{Do: doMeasure, Part: p, From: time.Now().UnixNano()})
	for _, r := range reports {
		received += r.Received
		bytes += r.Bytes
	}
	return received, bytes, err
}

func (c *conductor) deliver(ctx context.Context) error {
	return c.measured(ctx, func() error { return c.publishFor(ctx, c.o.Duration) })
}

// churn has streams come and go while messages are sent. A last round tells whether those there at the end are whole.
func (c *conductor) churn(ctx context.Context) error {
	return c.measured(ctx, func() error {
		share := func(number int) order {
			return order{Do: doChurn, N: c.o.ChurnRate*(number+1)/len(c.crew.hands) - c.o.ChurnRate*number/len(c.crew.hands)}
		}
		if _, err := c.crew.each(ctx, c.o.Timeout, share); err != nil {
			return err
		}
		if err := c.publishFor(ctx, c.o.Duration); err != nil {
			return err
		}
		c.res.Churn = &Churned{}
		if _, err := c.crew.all(ctx, c.patience(c.o.ChurnRate), order{Do: doCalm}); err != nil {
			return err
		}
		return c.pub.round()
	})
}

// storm has streams come back all at once while messages are sent, after as long without.
func (c *conductor) storm(ctx context.Context) error {
	return c.measured(ctx, func() error {
		publishing, stop := c.publish(ctx)
		pause(publishing, c.o.Duration)
		err := c.blow(publishing)
		return errors.Join(stop(), err)
	})
}

func (c *conductor) blow(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	c.say("a storm of %d reconnects", c.o.StormSize)
	if _, _, err := c.part(phaseStorm); err != nil {
		return err
	}
	before, err := c.mark()
	if err != nil {
		return err
	}
	share := func(number int) order {
		n := len(c.crew.hands)
		return order{Do: doStorm, N: c.o.StormSize*(number+1)/n - c.o.StormSize*number/n}
	}
	if _, err := c.crew.each(ctx, c.patience(c.o.StormSize), share); err != nil {
		return fmt.Errorf("open %d streams again: %w", c.o.StormSize, err)
	}
	load, err := c.since(before)
	c.res.Storm = &Storms{Load: load, Streams: c.o.StormSize, ServerPer: per(load.ServerCPU, uint64(c.o.StormSize), 1000)}
	return err
}

// finish lets the slow streams read, ends the workers and completes the result.
func (c *conductor) finish() error {
	ctx := context.Background() // also after an interrupt
	if c.o.Scenario == Slow && c.pub.total > 0 {
		if err := c.thaw(ctx); err != nil {
			return err
		}
	}
	end, err := c.server(true)
	if err != nil {
		return err
	}
	reports, err := c.crew.all(ctx, c.o.Timeout, order{Do: doFinish})
	if err != nil {
		return err
	}
	c.opens = newTimes()
	c.lats = [phases]times{newTimes(), newTimes(), newTimes()}
	for _, r := range reports {
		c.all.add(r.Result.Streams)
		c.slow.add(r.Result.Slow)
		c.opens.add(r.Result.Connects)
		for i := range c.lats {
			c.lats[i].add(r.Result.Latencies[i])
		}
	}
	c.complete(end)
	return nil
}

// calmFor is how long slow streams must have had nothing to be done.
const calmFor = time.Second

func (c *conductor) thaw(ctx context.Context) error {
	if _, err := c.crew.all(ctx, c.o.Timeout, order{Do: doThaw}); err != nil {
		return err
	}
	for last, deadline := uint64(0), time.Now().Add(c.o.Timeout); time.Now().Before(deadline); {
		_, bytes, err := c.part(phaseWarm)
		if err != nil || bytes == last {
			return err
		}
		last = bytes
		pause(ctx, calmFor)
	}
	return nil
}

func (c *conductor) complete(end usage) {
	r, t := c.res, c.all
	r.Connect.Opened, r.Connect.Failed, r.Connect.Errors = t.Opened+c.slow.Opened, t.Failed+c.slow.Failed, t.OpenErrors+c.slow.OpenErrors
	r.Connect.Latency = c.opens.figures()
	if len(c.parts.PIDs) > 0 {
		m := &Memory{
			EmptyRSS: c.empty.rss, EmptyPSS: c.empty.pss, OpenRSS: c.open.rss, OpenPSS: c.open.pss,
			EndRSS: end.rss, EndPSS: end.pss, Threads: end.threads, Files: end.files,
		}
		grown := c.open.pss - c.empty.pss
		if c.empty.pss == 0 || c.open.pss == 0 {
			grown = c.open.rss - c.empty.rss
		}
		m.PerStream = float64(grown) / float64(c.o.Streams)
		r.Memory = m
	}
	if d := r.Delivery; d != nil {
		d.Latency = c.lats[phaseCalm].figures()
		d.Lost, d.Duplicates, d.Disordered, d.Broken = t.Lost, t.Doubles, t.Disordered, t.Broken
		d.Gaps, d.Foreign, d.Closed = t.Gaps, t.Foreign, t.Closed
	}
	if r.Churn != nil {
		r.Churn.Reopened = t.Cut
		r.Churn.PerSecond = float64(t.Cut) / c.o.Duration.Seconds()
	}
	if r.Storm != nil {
		r.Storm.Latency = c.lats[phaseStorm].figures()
	}
	if s := c.slow; c.o.Scenario == Slow {
		n := 0
		for i := range c.o.Streams {
			if c.o.isSlow(i) {
				n++
			}
		}
		r.Slow = &Slowness{n, s.Closed, s.Received, s.Lost, s.Gaps, s.Broken, s.Doubles}
	}
	r.judge(t, c.slow)
}

const procDir = "/proc"

// instant is a time with the processor time used until then.
type instant struct {
	at     time.Time
	server time.Duration
	own    time.Duration
}

func (c *conductor) mark() (instant, error) {
	server, err := c.server(false)
	if err != nil {
		return instant{}, err
	}
	own, err := measure(procDir, []int{os.Getpid()}, false) // workers are our children
	return instant{time.Now(), server.cpu, own.cpu}, err
}

func (c *conductor) since(i instant) (Load, error) {
	now, err := c.mark()
	return Load{now.at.Sub(i.at).Seconds(), (now.server - i.server).Seconds(), (now.own - i.own).Seconds()}, err
}

// server measures the server, if it is known which processes it has.
func (c *conductor) server(deep bool) (usage, error) {
	if len(c.parts.PIDs) == 0 {
		return usage{}, nil
	}
	u, err := measure(procDir, c.parts.PIDs, deep)
	if err != nil {
		return u, fmt.Errorf("measure the server: %w", err)
	}
	return u, nil
}

func (c *conductor) say(format string, args ...any) {
	if c.parts.Report != nil {
		c.parts.Report(fmt.Sprintf(format, args...))
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
