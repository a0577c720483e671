package bench

import (
	"context"
	"errors"
	"fmt"
)

// connect opens all streams.
func (r *run) connect(ctx context.Context) error {
	var err error
	if r.empty, err = r.meter.server(true); err != nil {
		return err
	}
	r.say("opening %d streams", r.o.Streams)
	before, err := r.meter.mark()
	if err != nil {
		return err
	}
	reports, err := r.workers.all(ctx, r.o.patience(r.o.Streams), order{Do: doOpen})
	if err != nil {
		return fmt.Errorf("open %d streams: %w", r.o.Streams, err)
	}
	load, err := r.meter.since(before)
	if err != nil {
		return err
	}
	open := 0
	for _, rep := range reports {
		open += rep.Open
	}
	r.res.Connect = Connect{
		Load:      load,
		PerSecond: float64(open) / load.Seconds,
		ServerPer: per(load.ServerCPU, uint64(open), 1000),
		SelfPer:   per(load.GeneratorCPU, uint64(open), 1000),
	}
	if open < r.o.Streams {
		if err := r.finish(); err != nil {
			return err
		}
		return fmt.Errorf("%d of %d streams are open: %s", open, r.o.Streams, r.totals.good.FirstError+r.totals.slow.FirstError)
	}
	return nil
}

// settle lets the server come to rest and measures its memory.
func (r *run) settle(ctx context.Context) error {
	pause(ctx, r.o.Settle)
	var err error
	r.open, err = r.meter.server(true)
	return err
}

// idle does nothing for a while.
func (r *run) idle(ctx context.Context) error {
	before, err := r.meter.mark()
	if err != nil {
		return err
	}
	r.say("idle for %s", r.o.Duration)
	pause(ctx, r.o.Duration)
	load, err := r.meter.since(before)
	r.res.Idle = &load
	return err
}

// warm publishes for a while without measuring.
func (r *run) warm(ctx context.Context) error {
	if r.o.Warmup == 0 {
		return nil
	}
	r.say("warming up for %s", r.o.Warmup)
	if err := r.traffic.publishFor(ctx, r.o.Warmup); err != nil {
		return err
	}
	return r.traffic.drain(ctx)
}

// measured runs what, which publishes, waits for the messages, and measures both.
func (r *run) measured(ctx context.Context, what func() error) error {
	sent := r.traffic.pub.total
	received, bytes, err := r.traffic.part(phaseCalm)
	if err != nil {
		return err
	}
	before, err := r.meter.mark()
	if err != nil {
		return err
	}
	r.say("publishing for %s", r.o.Duration)
	stalled := what()
	if stalled != nil && !errors.Is(stalled, errStalled) {
		return stalled
	}
	if err := r.traffic.drain(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	load, err := r.meter.since(before)
	if err != nil {
		return err
	}
	receivedEnd, bytesEnd, err := r.traffic.part(phaseWarm)
	if err != nil {
		return err
	}
	n := receivedEnd - received
	r.res.Delivery = &Delivery{
		Load:       load,
		Messages:   r.traffic.pub.total - sent,
		Deliveries: n,
		PerSecond:  float64(n) / load.Seconds,
		WireBytes:  per(float64(bytesEnd-bytes), n, 1),
		ServerPer:  per(load.ServerCPU, n, 1e6),
		SelfPer:    per(load.GeneratorCPU, n, 1e6),
		Behind:     float64(r.traffic.pub.behind.Microseconds()) / 1000,
	}
	return nil
}

// deliver publishes and measures.
func (r *run) deliver(ctx context.Context) error {
	return r.measured(ctx, func() error { return r.traffic.publishFor(ctx, r.o.Duration) })
}

// churn has streams come and go while messages are sent. A last round finds out whether those at
// the end miss any.
func (r *run) churn(ctx context.Context) error {
	return r.measured(ctx, func() error {
		share := func(number int) order {
			return order{Do: doChurn, N: r.o.ChurnRate*(number+1)/len(r.workers.list) - r.o.ChurnRate*number/len(r.workers.list)}
		}
		if _, err := r.workers.each(ctx, r.o.Timeout, share); err != nil {
			return err
		}
		if err := r.traffic.publishFor(ctx, r.o.Duration); err != nil {
			return err
		}
		r.res.Churn = &Churned{}
		if _, err := r.workers.all(ctx, r.o.patience(r.o.ChurnRate), order{Do: doCalm}); err != nil {
			return err
		}
		return r.traffic.pub.round()
	})
}

// storm publishes for a while, and then has streams come back all at once.
func (r *run) storm(ctx context.Context) error {
	return r.measured(ctx, func() error {
		publishing, stop := r.traffic.publish(ctx)
		pause(publishing, r.o.Duration)
		err := r.reconnect(publishing)
		return errors.Join(stop(), err)
	})
}

// reconnect has streams come back all at once.
func (r *run) reconnect(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	r.say("a storm of %d reconnects", r.o.StormSize)
	if _, _, err := r.traffic.part(phaseStorm); err != nil {
		return err
	}
	before, err := r.meter.mark()
	if err != nil {
		return err
	}
	share := func(number int) order {
		n := len(r.workers.list)
		return order{Do: doStorm, N: r.o.StormSize*(number+1)/n - r.o.StormSize*number/n}
	}
	if _, err := r.workers.each(ctx, r.o.patience(r.o.StormSize), share); err != nil {
		return fmt.Errorf("open %d streams again: %w", r.o.StormSize, err)
	}
	load, err := r.meter.since(before)
	r.res.Storm = &Storms{Load: load, Streams: r.o.StormSize, ServerPer: per(load.ServerCPU, uint64(r.o.StormSize), 1000)}
	return err
}
