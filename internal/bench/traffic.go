package bench

import (
	"context"
	"errors"
	"time"
)

// traffic is the messages of a run: published at one end, received at the other.
type traffic struct {
	o       *Options
	pub     *publisher // nil for Idle
	workers *workers
	say     func(format string, args ...any)
}

// publishFor publishes for d, or until ctx ends.
func (t *traffic) publishFor(ctx context.Context, d time.Duration) error {
	ctx, stop := t.publish(ctx)
	pause(ctx, d)
	return stop()
}

// publish begins to publish. The context that it returns ends with the publishing; the function
// ends the publishing.
func (t *traffic) publish(ctx context.Context) (context.Context, func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- t.pub.run(ctx.Done())
		cancel()
	}()
	return ctx, func() error {
		cancel()
		return <-ended
	}
}

// drain waits until all that was published has arrived. Whatever has not arrived in time is lost;
// the workers find it.
func (t *traffic) drain(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	if err := t.pub.acknowledged(ctx); err != nil {
		return err
	}
	_, err := t.workers.all(ctx, t.o.Timeout, order{Do: doAwait, Sent: t.pub.numbers()})
	if errors.Is(err, errPatience) {
		t.say("not all messages have arrived after %s", t.o.Timeout)
		return nil
	}
	return err
}

// part begins a part of the run and returns what all workers have received until then.
func (t *traffic) part(p phase) (received, bytes uint64, err error) {
	// A run that was interrupted has figures, too.
	reports, err := t.workers.all(context.Background(), t.o.Timeout, order{Do: doMeasure, Part: p, From: time.Now().UnixNano()})
	for _, r := range reports {
		received += r.Received
		bytes += r.Bytes
	}
	return received, bytes, err
}

// calmFor is how long slow streams must have received nothing before they are done.
const calmFor = time.Second

// thaw lets the slow streams read until nothing comes any more.
func (t *traffic) thaw(ctx context.Context) error {
	if _, err := t.workers.all(ctx, t.o.Timeout, order{Do: doThaw}); err != nil {
		return err
	}
	for last, deadline := uint64(0), time.Now().Add(t.o.Timeout); time.Now().Before(deadline); {
		_, bytes, err := t.part(phaseWarm)
		if err != nil || bytes == last {
			return err
		}
		last = bytes
		pause(ctx, calmFor)
	}
	return nil
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
