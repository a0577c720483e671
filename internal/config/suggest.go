package config

import (
	"strconv"
	"strings"
)

// suggest returns a hint naming the candidate nearest to what was written, or nothing when none is
// near.
func suggest(written string, candidates []string) string {
	best, bestDistance := "", 4 // more than three slips are another word
	for _, c := range candidates {
		if d := distance(written, c); d < bestDistance && d < len(c) {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		best = completion(written, candidates)
	}
	if best == "" {
		return ""
	}
	return "did you mean " + strconv.Quote(best) + "?"
}

// completion returns the candidate that has all the words of what was written, in their order, and
// the fewest besides; empty if none has.
func completion(written string, candidates []string) string {
	words := nameWords(written)
	if len(words) == 0 || len(words) == 1 && words[0]+"_" == envPrefix {
		return ""
	}
	best, fewest := "", 0
	for _, c := range candidates {
		has := nameWords(c)
		if besides := len(has) - len(words); inOrder(words, has) && (best == "" || besides < fewest) {
			best, fewest = c, besides
		}
	}
	return best
}

// inOrder reports whether all words stand in list, in the same order.
func inOrder(words, list []string) bool {
	for _, w := range list {
		if len(words) > 0 && words[0] == w {
			words = words[1:]
		}
	}
	return len(words) == 0
}

// nameWords are the parts of a name, however it joins them.
func nameWords(name string) []string {
	const most = 128 // bytes; a stranger's text must not cost more
	return strings.FieldsFunc(name[:min(len(name), most)], func(r rune) bool { return r == '.' || r == '_' || r == '-' })
}

// distance is Levenshtein's: how many bytes have to be inserted, removed or replaced.
func distance(a, b string) int {
	const longest = 64 // names are shorter; a stranger's text must not cost its square
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
