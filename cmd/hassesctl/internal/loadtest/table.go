package loadtest

import (
	"fmt"
	"strings"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/internal/bench"
)

// printResult writes the figures for people.
func printResult(out *output.Screen, r *bench.Result) {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-15s %s\n", name, fmt.Sprintf(format, args...))
	}
	tls := "no TLS"
	if r.TLS != "" {
		tls = "TLS " + r.TLS
		if r.Curve != "" {
			tls += " with " + r.Curve
		}
	}
	line("scenario", "%s: %s in %s, HTTP/%s, %s, %s", r.Scenario, output.Plural(r.Streams, "stream"), output.Plural(r.Rooms, "room"), r.HTTP, tls, processesText(r.Processes))
	if r.HTTP == "2" {
		line("", "%s on each connection", output.Plural(r.PerConnection, "stream"))
	}
	c := r.Connect
	line("opened", "%d in %.1f s, %.0f a second; %s", c.Opened, c.Seconds, c.PerSecond, latencyText(c.Latency))
	if c.Errors > 0 {
		line("", "%d attempts failed", c.Errors)
	}
	line("  CPU", "%s a thousand", cpuText(r, c.ServerPer, c.SelfPer))
	if m := r.Memory; m != nil {
		line("memory", "%.0f bytes a stream; resident %s empty, %s with all streams, %s at the end", m.PerStream, output.Size(m.EmptyRSS), output.Size(m.OpenRSS), output.Size(m.EndRSS))
		line("", "%d descriptors, %d threads at the end", m.Files, m.Threads)
	}
	if l := r.Idle; l != nil && l.Seconds > 0 {
		line("idle", "%.1f s, server %.4f cores, generator %.4f cores", l.Seconds, l.ServerCPU/l.Seconds, l.GeneratorCPU/l.Seconds)
	}
	if d := r.Delivery; d != nil {
		how := fmt.Sprintf("%g messages a second", r.Rate)
		if r.InFlight > 0 {
			how = output.Plural(r.InFlight, "message") + " in flight"
		}
		line("published", "%d of %d bytes, %s", d.Messages, r.Size, how)
		line("delivered", "%d in %.1f s, %.0f a second", d.Deliveries, d.Seconds, d.PerSecond)
		line("  latency", "%s", latencyText(d.Latency))
		line("  CPU", "%s a million", cpuText(r, d.ServerPer, d.SelfPer))
		line("  wire", "%.1f bytes each", d.WireBytes)
		line("", "lost %d, doubled %d, out of order %d, broken %d, gaps %d, foreign %d, ended by the server %d",
			d.Lost, d.Duplicates, d.Disordered, d.Broken, d.Gaps, d.Foreign, d.Closed)
		if d.Behind >= 1 && r.Rate > 0 {
			line("", "the publisher was up to %.1f ms late, which is part of the latency", d.Behind)
		}
	}
	if ch := r.Churn; ch != nil {
		line("churn", "%d streams ended and opened, %.0f a second", ch.Reopened, ch.PerSecond)
	}
	if s := r.Storm; s != nil {
		line("storm", "%d streams back in %.1f s; %s meanwhile", s.Streams, s.Seconds, latencyText(s.Latency))
		line("  CPU", "%s a thousand", cpuText(r, s.ServerPer, s.GeneratorCPU/float64(max(s.Streams, 1))*1000))
	}
	if s := r.Slow; s != nil {
		line("slow", "%s that did not read: %d ended by the server, %d messages received in the end, %d gaps told, %d messages lost",
			output.Plural(s.Streams, "stream"), s.Closed, s.Received, s.Gaps, s.Lost)
	}
	out.Raw([]byte(b.String()))
}

func processesText(n int) string {
	if n == 1 {
		return "one generator process"
	}
	return fmt.Sprintf("%d generator processes", n)
}

func latencyText(t bench.Times) string {
	return fmt.Sprintf("p50 %.1f, p90 %.1f, p99 %.1f, max %.1f ms", t.P50, t.P90, t.P99, t.Max)
}

// cpuText returns the processor time, without the server's where that is not known.
func cpuText(r *bench.Result, server, self float64) string {
	if r.Memory == nil {
		return fmt.Sprintf("generator %.3f s", self)
	}
	return fmt.Sprintf("server %.3f s, generator %.3f s", server, self)
}
