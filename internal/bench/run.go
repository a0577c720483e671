package bench

import (
	"context"
	"fmt"
)

// Parts are what a run needs besides its options.
type Parts struct {
	Publish *PublishConn // where messages are published; not for Idle
	PIDs    []int        // of the server; none: its memory and processor time are not measured
	Spawn   Spawn        // for worker processes
	Report  func(string) // receives what goes on, for people
}

// run is a run under way.
type run struct {
	// Fixed after creation.
	o       Options
	parts   Parts
	workers *workers
	traffic *traffic
	meter   meter

	res    *Result
	empty  usage // of the server, before the first stream
	open   usage // with all streams
	totals totals
}

// finish lets the slow streams read, ends the workers and completes the result.
func (r *run) finish() error {
	ctx := context.Background() // an interrupted run has a result, too
	if r.o.Scenario == Slow && r.traffic.pub.total > 0 {
		if err := r.traffic.thaw(ctx); err != nil {
			return err
		}
	}
	end, err := r.meter.server(true)
	if err != nil {
		return err
	}
	reports, err := r.workers.all(ctx, r.o.Timeout, order{Do: doFinish})
	if err != nil {
		return err
	}
	for _, rep := range reports {
		r.totals.add(rep.Result)
	}
	r.complete(end)
	return nil
}

// complete puts the totals and the server's memory at the end into the result.
func (r *run) complete(end usage) {
	res, t := r.res, r.totals.good
	res.Connect.Opened, res.Connect.Failed, res.Connect.Errors = t.Opened+r.totals.slow.Opened, t.Failed+r.totals.slow.Failed, t.OpenErrors+r.totals.slow.OpenErrors
	res.Connect.Latency = r.totals.opens.figures()
	if len(r.parts.PIDs) > 0 {
		m := &Memory{
			EmptyRSS: r.empty.rss, EmptyPSS: r.empty.pss, OpenRSS: r.open.rss, OpenPSS: r.open.pss,
			EndRSS: end.rss, EndPSS: end.pss, Threads: end.threads, Files: end.files,
		}
		grown := r.open.pss - r.empty.pss
		if r.empty.pss == 0 || r.open.pss == 0 {
			grown = r.open.rss - r.empty.rss
		}
		m.PerStream = float64(grown) / float64(r.o.Streams)
		res.Memory = m
	}
	if d := res.Delivery; d != nil {
		d.Latency = r.totals.latencies[phaseCalm].figures()
		d.Lost, d.Duplicates, d.Disordered, d.Broken = t.Lost, t.Doubles, t.Disordered, t.Broken
		d.Gaps, d.Foreign, d.Closed = t.Gaps, t.Foreign, t.Closed
	}
	if res.Churn != nil {
		res.Churn.Reopened = t.Cut
		res.Churn.PerSecond = float64(t.Cut) / r.o.Duration.Seconds()
	}
	if res.Storm != nil {
		res.Storm.Latency = r.totals.latencies[phaseStorm].figures()
	}
	if s := r.totals.slow; r.o.Scenario == Slow {
		n := 0
		for i := range r.o.Streams {
			if r.o.isSlow(i) {
				n++
			}
		}
		res.Slow = &Slowness{n, s.Closed, s.Received, s.Lost, s.Gaps, s.Broken, s.Doubles}
	}
	res.judge(t, r.totals.slow)
}

// say reports what goes on.
func (r *run) say(format string, args ...any) {
	if r.parts.Report != nil {
		r.parts.Report(fmt.Sprintf(format, args...))
	}
}
