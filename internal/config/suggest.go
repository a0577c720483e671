package config

import (
	"strconv"
	"strings"
)

// suggest returns a hint with the candidate nearest to the written text, or "" if none is near.
func suggest(written string, candidates []string) string {
	best, bestDistance := "", 4 // more than three typos make another word
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

// completion returns the candidate that contains all the written words in order, with the fewest
// other words, or "" if none does.
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

// inOrder reports whether list contains all words in the same order.
func inOrder(words, list []string) bool {
	for _, w := range list {
		if len(words) > 0 && words[0] == w {
			words = words[1:]
		}
	}
	return len(words) == 0
}

// nameWords returns the words of a name, joined by any separator.
func nameWords(name string) []string {
	const most = 128 // bytes; bounds the cost of untrusted text
	return strings.FieldsFunc(name[:min(len(name), most)], func(r rune) bool { return r == '.' || r == '_' || r == '-' })
}

// distance returns the Levenshtein distance: how many bytes to insert, remove or replace.
func distance(a, b string) int {
	const longest = 64 // names are shorter; bounds the quadratic cost for untrusted text
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
