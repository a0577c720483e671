package config

import "strconv"

// suggest returns a hint naming the candidate nearest to what was written, or nothing when none is near.
func suggest(written string, candidates []string) string {
	best, bestDistance := "", 4 // more than three slips are another word
	for _, c := range candidates {
		if d := distance(written, c); d < bestDistance && d < len(c) {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + strconv.Quote(best) + "?"
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
