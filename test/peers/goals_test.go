package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/bench"
)

// ran are runs of one figure with a server, of that many deliveries a second and CPU seconds a million.
func ran(server string, figures ...[2]float64) (list []sample) {
	for _, f := range figures {
		list = append(list, sample{Server: server, Result: bench.Result{Delivery: &bench.Delivery{PerSecond: f[0], ServerPer: f[1]}}})
	}
	return list
}

func TestGoals(t *testing.T) {
	t.Parallel()
	own := ran("hassesd", [2]float64{90, 1}, [2]float64{120, 9}, [2]float64{100, 1.5})
	runs := map[string][]sample{saturate10: append(append(append(own,
		ran("net/http", [2]float64{5, 5}, [2]float64{15, 5})...),
		ran("nginx+nchan 1", [2]float64{18, 5})...),
		ran("nginx+nchan 2", [2]float64{25, 5})...)}
	runs[saturate10] = append(runs[saturate10], sample{Server: "hassesd", Error: "it was not there"})
	for i, want := range []row{
		{Figure: saturate10, What: "deliveries/s: to net/http", Value: 100, Other: 10, Ratio: 10, Goal: 10, AtLeast: true, Reached: true},
		{Figure: saturate10, What: "deliveries/s: to nginx+nchan", Value: 100, Other: 25, Ratio: 4, Goal: 5, AtLeast: true},
		{Figure: saturate10, What: "server CPU s a million", Value: 1.5, Goal: 2, Reached: true},
		{Figure: saturate10, What: "lost, doubled, disordered, broken, closed", Reached: true},
	} {
		if got := goals(runs); len(got) != 4 || got[i] != want {
			t.Errorf("row %d is %+v, want %+v", i, got, want)
		}
	}
	runs[saturate10][1].Result.Delivery.Lost = 1
	if got := goals(runs); got[3].Reached || got[3].Value != 1 {
		t.Errorf("one loss: %+v", got[3])
	}
	if got := goals(nil); len(got) != 0 {
		t.Errorf("nothing was measured, and there is %+v", got)
	}
}

func TestGoalsOfPublishers(t *testing.T) {
	t.Parallel()
	posted := func(server string, rate, cpu float64) sample {
		return sample{Server: server, Posts: &bench.PostResult{PerSecond: rate, ServerCPU: cpu}}
	}
	runs := map[string][]sample{postOne: {
		posted("hassesd", 90, 0.02), posted("net/http", 100, 0.04), posted("hassesd", 110, 0.02), {Server: "hassesd", Error: "it was not there"},
	}}
	want := []row{
		{Figure: postOne, What: "messages/s: to net/http", Value: 100, Other: 100, Ratio: 1, Goal: 1, AtLeast: true, Reached: true},
		{Figure: postOne, What: "CPU s a thousand messages: to net/http", Value: 0.02, Other: 0.04, Ratio: 0.5, Goal: 1, Reached: true},
	}
	if got := goals(runs); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if m := publish(record{Runs: runs}).Medians[postOne]["hassesd"]; m.Messages != 100 || m.MessageCPU != 0.02 || m.PerSecond != 0 {
		t.Errorf("medians %+v", m)
	}
}

func TestGoalsOverHTTP2(t *testing.T) {
	t.Parallel()
	idle := func(server string, bytes float64) sample {
		return sample{Server: server, Result: bench.Result{Memory: &bench.Memory{PerStream: bytes}}}
	}
	runs := map[string][]sample{
		idleOver2: {idle("hassesd", 6000), idle("hassesd, HTTP/1.1", 5500), idle("net/http", 50000)},
		idleMany:  {idle("hassesd", 1230)}, // 12,300 a connection: 6,000 and nine times 700
		singleOver2: slices.Concat(ran("hassesd", [2]float64{1, 9.9}), ran("hassesd, HTTP/1.1", [2]float64{1, 9}),
			ran("hassesd"+tenEach, [2]float64{1, 3})),
		saturateOver2: slices.Concat(ran("hassesd", [2]float64{900, 1}), ran("net/http", [2]float64{100, 1})),
	}
	got := goals(runs)
	want := []row{
		{Figure: idleOver2, What: "bytes a connection with one stream: more than HTTP/1.1", Value: 500, Goal: 512, Reached: true},
		{Figure: idleOver2, What: "bytes a connection with one stream: to net/http", Value: 6000, Other: 50000, Ratio: 0.12, Goal: 0.125, Reached: true},
		{Figure: idleMany, What: "bytes of each further stream", Value: 700, Goal: 768, Reached: true},
		{Figure: singleOver2, What: "CPU s a million: to HTTP/1.1", Value: 9.9, Other: 9, Ratio: 9.9 / 9, Goal: 1.1, Reached: true},
		{Figure: singleOver2, What: "CPU s a million, 10 a connection: to HTTP/1.1", Value: 3, Other: 9, Ratio: 3.0 / 9, Goal: 0.25},
		{Figure: saturateOver2, What: "deliveries/s: to net/http", Value: 900, Other: 100, Ratio: 9, Goal: 10, AtLeast: true},
		{Figure: saturateOver2, What: "lost, doubled, disordered, broken, closed", Reached: true},
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("row %d is not %+v in %+v", i, want[i], got)
		}
	}
}

func TestRowsForPeople(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	printRows(&b, []row{
		{Figure: "f", What: "missed", Value: 3, Goal: 8192, Reached: true},
		{Figure: "f", What: "times", Value: 3, Other: 2, Ratio: 1.5, Goal: 5, AtLeast: true},
		{Figure: "f", What: "shown", Value: 3, Other: 2, Ratio: 1.5, Reached: true},
		{Figure: "f", What: "faults", Reached: true},
		{Figure: "f", What: "faults", Value: 1},
	})
	for _, want := range []string{"≤ 8192: reached\n", "1.500  ≥ 5: NOT reached\n", "1.500\n", "none: reached\n", "none: NOT reached\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// TestFiguresAreKnown holds the names in the table of goals against those that are measured.
func TestFiguresAreKnown(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, f := range figures(true) {
		names[f.name] = true
	}
	runs := map[string][]sample{}
	for _, name := range []string{idle1, idle10, idle19, idle10 + hybrid, saturate10, saturate1, saturate1 + hybrid, single, singleFew, manyRooms, stormy, listed, unlisted, scraped, unscraped, idleScraped, idleUnscraped, idleOver2, idleMany, singleOver2, saturateOver2, postNobody, postOne, postMany} {
		if !names[name] {
			t.Errorf("nobody measures %q", name)
		}
		full := bench.Result{Delivery: &bench.Delivery{PerSecond: 1}, Memory: &bench.Memory{PerStream: 1}, Storm: &bench.Storms{}}
		for _, server := range []string{"hassesd", "hassesd, 1 loop", "hassesd, HTTP/1.1", "hassesd" + tenEach, "net/http", "nginx+nchan 1", "bare write"} {
			runs[name] = append(runs[name], sample{Server: server, Result: full, Posts: &bench.PostResult{PerSecond: 1}})
		}
	}
	used := map[string]bool{}
	for _, r := range goals(runs) {
		used[r.Figure] = true
	}
	if len(used) != len(names)-4 { // "idle 1000", "no clients listed" and the two without metrics scraped are what others are compared with
		t.Errorf("%d figures have goals, of %d", len(used), len(names))
	}
}
