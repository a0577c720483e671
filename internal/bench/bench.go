package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
)

// Run does what the options ask for and returns what it found, also when ctx ends before. An error
// is one of the generator: the problems of a server are in the Result.
func Run(ctx context.Context, o Options, parts Parts) (*Result, error) {
	if err := o.Complete(); err != nil {
		return nil, err
	}
	if err := o.fit(); err != nil {
		return nil, err
	}
	setDefault(&o.Run, newRun())
	if parts.Publish == nil && o.Scenario != Idle {
		return nil, errors.New("bench: internal error: no way to publish")
	}
	ws, err := startWorkers(ctx, o, parts.Spawn)
	if err != nil {
		return nil, err
	}
	defer ws.stop()
	r := &run{o: o, parts: parts, workers: ws, meter: meter{parts.PIDs}, totals: newTotals(), res: &Result{
		Scenario: o.Scenario, URL: o.URL, Curve: o.Curve, HTTP: "1.1", Streams: o.Streams, PerConnection: o.StreamsPerConnection, Rooms: o.Rooms,
		Rate: o.Rate, InFlight: o.InFlight, Size: o.Size, Lazy: o.Lazy, Processes: o.Processes,
	}}
	if o.HTTP2 {
		r.res.HTTP = "2"
	}
	r.traffic = &traffic{o: &r.o, workers: ws, say: r.say}
	if t, err := newTarget(o.URL, nil); err == nil && t.secure {
		r.res.TLS = o.TLS
	}
	if o.Scenario == Idle {
		r.res.Rate = 0
	} else {
		r.traffic.pub = newPublisher(o, parts.Publish, ws)
	}
	if err := r.conduct(ctx); err != nil {
		return nil, err
	}
	return r.res, nil
}

func newRun() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// conduct goes through the steps of the scenario.
func (r *run) conduct(ctx context.Context) error {
	steps := []func(context.Context) error{r.connect, r.settle}
	switch r.o.Scenario {
	case Idle:
		steps = append(steps, r.idle)
	case Fanout, Rooms, Slow:
		steps = append(steps, r.warm, r.deliver)
	case Churn:
		steps = append(steps, r.warm, r.churn)
	case Storm:
		steps = append(steps, r.warm, r.storm)
	}
	for _, step := range steps {
		err := step(ctx)
		if ctx.Err() != nil {
			r.res.Interrupted = true
			break
		}
		if err != nil {
			return err
		}
	}
	return r.finish()
}
