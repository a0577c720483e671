package main

import (
	"maps"
	"slices"
)

// graph is the arrows between the files of a package: graph[a][b] if a uses something of b.
type graph map[string]map[string]bool

func (g graph) arrows() int {
	n := 0
	for _, to := range g {
		n += len(to)
	}
	return n
}

// arrow is one arrow of a graph.
type arrow struct{ from, to string }

// backArrows returns the arrows that point upwards in a layout from top to bottom that has few of them. Finding the
// fewest is NP-hard (minimum feedback arc set); this begins with the order of Eades, Lin and Smyth and moves single files
// while that helps.
func backArrows(g graph) []arrow {
	order := improve(g, greedyOrder(g))
	place := places(order)
	var up []arrow
	for _, from := range order {
		for to := range g[from] {
			if place[to] < place[from] {
				up = append(up, arrow{from, to})
			}
		}
	}
	return up
}

// greedyOrder takes sources to the top, sinks to the bottom, and from a circle the file with the most outgoing arrows
// beyond its incoming ones.
func greedyOrder(g graph) []string {
	left := slices.Sorted(maps.Keys(g))
	var top, bottom []string
	for len(left) > 0 {
		best, bestScore, sink := 0, -len(g)-1, -1
		for i, f := range left {
			out, in := 0, 0
			for _, other := range left {
				if g[f][other] {
					out++
				}
				if g[other][f] {
					in++
				}
			}
			if out == 0 {
				sink = i
				break
			}
			if in == 0 {
				out += len(g)
			}
			if out-in > bestScore {
				best, bestScore = i, out-in
			}
		}
		if sink >= 0 {
			bottom = append(bottom, left[sink])
			left = slices.Delete(left, sink, sink+1)
			continue
		}
		top = append(top, left[best])
		left = slices.Delete(left, best, best+1)
	}
	slices.Reverse(bottom)
	return append(top, bottom...)
}

// improve moves single files to where fewer arrows point upwards, until no move helps.
func improve(g graph, order []string) []string {
	for moved := true; moved; {
		moved = false
		for i := range order {
			f := order[i]
			// gain is how many arrows of f fewer point upwards when it stands at j instead of at i.
			at, best, gain := i, 0, 0
			for j := i + 1; j < len(order); j++ {
				gain += delta(g[order[j]][f], g[f][order[j]])
				if gain > best {
					at, best = j, gain
				}
			}
			gain = 0
			for j := i - 1; j >= 0; j-- {
				gain += delta(g[f][order[j]], g[order[j]][f])
				if gain > best {
					at, best = j, gain
				}
			}
			if best > 0 {
				order = slices.Insert(slices.Delete(order, i, i+1), at, f)
				moved = true
			}
		}
	}
	return order
}

// delta is what passing one other file gains: an arrow mended, or one spoilt.
func delta(mended, spoilt bool) int {
	d := 0
	if mended {
		d++
	}
	if spoilt {
		d--
	}
	return d
}

func places(order []string) map[string]int {
	place := make(map[string]int, len(order))
	for i, f := range order {
		place[f] = i
	}
	return place
}
