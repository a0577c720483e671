package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// row is one goal and how near it is.
type row struct {
	Figure  string  `json:"figure"`
	What    string  `json:"what"`
	Value   float64 `json:"value"` // the median, of hassesd
	Other   float64 `json:"other"` // what it is compared with; 0: nothing
	Ratio   float64 `json:"ratio"` // of Value to Other
	Goal    float64 `json:"goal"`  // of Ratio, or of Value where Other is 0; 0: shown only
	AtLeast bool    `json:"at_least"`
	Reached bool    `json:"reached"`
}

// hassesC is what the C program hasses 1.30 takes for an idle stream, in bytes: measured once with 10,000 and 18,000
// streams, in the same way.
const hassesC = 31024

// own is the server that the others are compared with.
const own = "hassesd"

// of reads one number from a sample.
type of func(s sample) float64

func perStream(s sample) float64  { return s.Result.Memory.PerStream }
func handshake(s sample) float64  { return s.Result.Connect.ServerPer }
func rate(s sample) float64       { return s.Result.Delivery.PerSecond }
func perMillion(s sample) float64 { return s.Result.Delivery.ServerPer }
func p50(s sample) float64        { return s.Result.Delivery.Latency.P50 }
func p99(s sample) float64        { return s.Result.Delivery.Latency.P99 }
func stormP99(s sample) float64   { return s.Result.Storm.Latency.P99 }

func faults(s sample) float64 {
	d := s.Result.Delivery
	return float64(d.Lost + d.Duplicates + d.Disordered + d.Broken + d.Closed)
}

// Of publishers.
func postRate(s sample) float64 { return s.Posts.PerSecond }
func postCPU(s sample) float64  { return s.Posts.ServerCPU }

// table computes rows from the runs that there are.
type table struct {
	runs map[string][]sample
	rows []row
}

// goals compares what was measured with what is to be reached. What was not measured is left out.
func goals(runs map[string][]sample) []row {
	t := &table{runs: runs}
	nginxes := []string{"nginx+nchan 1", "nginx+nchan 2"}
	for _, f := range []string{idle10, idle19} {
		t.bound(f, "resident bytes a stream", perStream, 8192)
		t.atMost(f, "to net/http", []string{"net/http"}, perStream, 1.0/4)
		t.atMost(f, "to nginx+nchan", nginxes, perStream, 1.0/4)
		if v, ok := t.median(f, own, perStream); ok {
			t.add(row{Figure: f, What: "bytes a stream: to hasses 1.30", Value: v, Other: hassesC, Goal: 1.0 / 3})
		}
	}
	t.toOwn(idle19, "bytes a stream: to 1,000 streams", idle1, perStream, 1.1)
	t.shown(idle10+hybrid, "bytes a stream: to net/http", "net/http", perStream)
	for _, f := range []string{saturate10, saturate1} {
		times := map[string]float64{saturate10: 10, saturate1: 6}[f]
		t.atLeast(f, "deliveries/s: to net/http", []string{"net/http"}, rate, times)
		t.atLeast(f, "deliveries/s: to nginx+nchan", nginxes, rate, 5)
		t.bound(f, "server CPU s a million", perMillion, 2)
		t.none(f)
		t.shown(f, "deliveries/s: two loops to one", "hassesd, 1 loop", rate)
	}
	t.shown(saturate1+hybrid, "deliveries/s: to net/http", "net/http", rate)
	best := append([]string{"net/http"}, nginxes...)
	t.atMost(single, "p50 ms: to the best peer", best, p50, 0.8)
	t.atMost(single, "p99 ms: to the best peer", best, p99, 0.8)
	t.atMost(single, "CPU s a million: to net/http", []string{"net/http"}, perMillion, 0.8)
	t.atMost(single, "CPU s a million: to bare write", []string{"bare write"}, perMillion, 1)
	t.shown(single, "CPU s a million: to bare write, 2 threads", "bare write, 2 threads", perMillion)
	t.shown(single, "CPU s a million: two loops to one", "hassesd, 1 loop", perMillion)
	t.atMost(singleFew, "p50 ms: to net/http", []string{"net/http"}, p50, 0.8)
	t.atMost(singleFew, "p99 ms: to net/http", []string{"net/http"}, p99, 0.8)
	t.atMost(singleFew, "CPU s a million: to net/http", []string{"net/http"}, perMillion, 0.6)
	t.shown(singleFew, "CPU s a million: two loops to one", "hassesd, 1 loop", perMillion)
	t.overHTTP2()
	t.posts()
	t.bound(manyRooms, "p99 ms", p99, 20)
	t.none(manyRooms)
	t.atMost(manyRooms, "CPU s a million: to net/http", []string{"net/http"}, perMillion, 1)
	t.atMost(manyRooms, "CPU s a million: to nginx+nchan", nginxes, perMillion, 0.7)
	t.atMost(idle10, "CPU s a thousand handshakes: to net/http", []string{"net/http"}, handshake, 1.1)
	t.atMost(idle10+hybrid, "CPU s a thousand handshakes: to net/http", []string{"net/http"}, handshake, 1.1)
	if calm, ok := t.median(stormy, own, p99); ok {
		storm, _ := t.median(stormy, own, stormP99)
		t.add(row{Figure: stormy, What: "p99 ms during the storm: to before", Value: storm, Other: calm, Goal: 3})
		t.none(stormy)
	}
	t.toOwn(scraped, "CPU s a million: to that without", unscraped, perMillion, 1.02)
	t.toOwn(idleScraped, "bytes a stream: to that without", idleUnscraped, perStream, 1.02)
	t.toOwn(listed, "p99 ms: to that without", unlisted, p99, 3)
	return t.rows
}

// overHTTP2 adds the goals of HTTP/2. HTTP/1.1 is measured in the same figures.
func (t *table) overHTTP2() {
	const http1 = "hassesd, HTTP/1.1"
	one, haveOne := t.median(idleOver2, own, perStream)
	if first, ok := t.median(idleOver2, http1, perStream); ok && haveOne {
		t.add(row{Figure: idleOver2, What: "bytes a connection with one stream: more than HTTP/1.1", Value: one - first, Goal: 512})
	}
	t.atMost(idleOver2, "bytes a connection with one stream: to net/http", []string{"net/http"}, perStream, 1.0/8)
	t.atMost(idleOver2, "bytes a connection with one stream: to nginx+nchan", []string{"nginx+nchan 1"}, perStream, 1.0/4)
	if all, ok := t.median(idleMany, own, perStream); ok && haveOne {
		t.add(row{Figure: idleMany, What: "bytes of each further stream", Value: furtherStream(all, one), Goal: 768})
	}
	t.shown(idleMany, "bytes a stream: to net/http", "net/http", perStream)
	t.atMost(singleOver2, "CPU s a million: to HTTP/1.1", []string{http1}, perMillion, 1.1)
	if many, ok := t.median(singleOver2, own+tenEach, perMillion); ok {
		if first, ok := t.median(singleOver2, http1, perMillion); ok {
			t.add(row{Figure: singleOver2, What: "CPU s a million, 10 a connection: to HTTP/1.1", Value: many, Other: first, Goal: 1.0 / 4})
		}
	}
	t.shown(singleOver2, "CPU s a million: to net/http", "net/http", perMillion)
	t.atLeast(saturateOver2, "deliveries/s: to net/http", []string{"net/http"}, rate, 10)
	t.shown(saturateOver2, "deliveries/s: to nginx+nchan 1", "nginx+nchan 1", rate)
	t.none(saturateOver2)
}

// posts adds the goals of publishing over HTTP.
func (t *table) posts() {
	for _, f := range []string{postNobody, postOne, postMany} {
		t.atLeast(f, "messages/s: to net/http", []string{"net/http"}, postRate, 1)
		t.atMost(f, "CPU s a thousand messages: to net/http", []string{"net/http"}, postCPU, 1)
	}
}

// furtherStream returns what each stream of a connection takes beside the first, from what one of onConnection takes and
// what a connection with one takes.
func furtherStream(ofMany, one float64) float64 {
	return (ofMany*onConnection - one) / (onConnection - 1)
}

// median is that of the runs without an error; false: there are none.
func (t *table) median(figure, server string, what of) (float64, bool) {
	var values []float64
	for _, s := range t.runs[figure] {
		if s.Server == server && s.Error == "" {
			values = append(values, what(s))
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2, true
}

// bound is a goal for hassesd alone.
func (t *table) bound(figure, what string, value of, goal float64) {
	if v, ok := t.median(figure, own, value); ok {
		t.add(row{Figure: figure, What: what, Value: v, Goal: goal})
	}
}

// toOwn wants at most a multiple of what hassesd has in another figure.
func (t *table) toOwn(figure, what, other string, value of, goal float64) {
	v, ok := t.median(figure, own, value)
	o, okOther := t.median(other, own, value)
	if ok && okOther {
		t.add(row{Figure: figure, What: what, Value: v, Other: o, Goal: goal})
	}
}

// none wants no fault in any run.
func (t *table) none(figure string) {
	sum, found := 0.0, false
	for _, s := range t.runs[figure] {
		if s.Server == own && s.Error == "" {
			sum, found = sum+faults(s), true
		}
	}
	if found {
		t.rows = append(t.rows, row{Figure: figure, What: "lost, doubled, disordered, broken, closed", Value: sum, Reached: sum == 0})
	}
}

// atMost wants a part of the least of the others.
func (t *table) atMost(figure, what string, others []string, value of, goal float64) {
	t.compare(figure, what, others, value, row{Goal: goal}, func(a, b float64) float64 { return min(a, b) })
}

// atLeast wants a multiple of the most of the others.
func (t *table) atLeast(figure, what string, others []string, value of, goal float64) {
	t.compare(figure, what, others, value, row{Goal: goal, AtLeast: true}, func(a, b float64) float64 { return max(a, b) })
}

func (t *table) shown(figure, what, other string, value of) {
	t.compare(figure, what, []string{other}, value, row{}, func(a, _ float64) float64 { return a })
}

func (t *table) compare(figure, what string, others []string, value of, r row, best func(a, b float64) float64) {
	v, ok := t.median(figure, own, value)
	if !ok {
		return
	}
	found := false
	for _, name := range others {
		o, ok := t.median(figure, name, value)
		switch {
		case !ok:
		case found:
			r.Other = best(r.Other, o)
		default:
			r.Other, found = o, true
		}
	}
	if found {
		r.Figure, r.What, r.Value = figure, what, v
		t.add(r)
	}
}

// add completes a row.
func (t *table) add(r row) {
	compared := r.Value
	if r.Other != 0 {
		r.Ratio = r.Value / r.Other
		compared = r.Ratio
	}
	r.Reached = r.Goal == 0 || r.AtLeast && compared >= r.Goal || !r.AtLeast && compared <= r.Goal
	t.rows = append(t.rows, r)
}

// wireBytes is what a delivery of hassesd takes, one at a time, rounded.
func wireBytes(runs map[string][]sample) int {
	t := &table{runs: runs}
	v, _ := t.median(single, own, func(s sample) float64 { return s.Result.Delivery.WireBytes })
	return int(v + 0.5)
}

func printRows(w io.Writer, rows []row) {
	fmt.Fprintf(w, "\n%-30s %-44s %12s %12s %8s  %s\n", "FIGURE", "WHAT", "HASSESD", "OTHER", "RATIO", "GOAL")
	for _, r := range rows {
		other, ratio, goal := "", "", "none: reached"
		if r.Other != 0 {
			other, ratio = fmt.Sprintf("%12.2f", r.Other), fmt.Sprintf("%8.3f", r.Ratio)
		}
		sign := "≤"
		if r.AtLeast {
			sign = "≥"
		}
		verdict := "reached"
		if !r.Reached {
			verdict = "NOT reached"
		}
		switch {
		case r.Goal != 0:
			goal = fmt.Sprintf("%s %s: %s", sign, strconv.FormatFloat(r.Goal, 'f', -1, 32), verdict)
		case r.Other != 0:
			goal = ""
		case !r.Reached:
			goal = "none: NOT reached"
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-30s %-44s %12.2f %12s %8s  %s", r.Figure, r.What, r.Value, other, ratio, goal), " "))
	}
}
