package cmdline

import "slices"

// nearest returns the known name that was probably meant, or "". It forgives one slip in four
// letters, and completes a name that was cut short.
func nearest(name string, known []string) string {
	best, bestDistance := "", len(name)/4+2
	for _, k := range known {
		d := distance(name, k)
		if len(name) >= 3 && len(k) > len(name) && k[:len(name)] == name {
			d = 1
		}
		if d < bestDistance {
			best, bestDistance = k, d
		}
	}
	return best
}

// distance returns how many letters to insert, remove, replace or swap with their neighbour to turn
// a into b.
func distance(a, b string) int {
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, slices.Clone(row)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
