package archtest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unusedDecisions are the numbers that no decision has. docs/adr/README.md says so of each.
var unusedDecisions = []int{15}

var (
	decisionTitle = regexp.MustCompile(`^# (\d{4}):? (.+)\n`)
	decisionRow   = regexp.MustCompile(`(?m)^\| \[(\d{4})\]\((\S+)\) \| (.+) \|$`)
)

// TestIndexOfDecisionsIsComplete proves that docs/adr/README.md lists each decision by its title, and that the numbers
// have no gap that the index does not explain.
func TestIndexOfDecisionsIsComplete(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../docs/adr/[0-9]*.md")
	if err != nil || len(files) == 0 {
		t.Fatalf("decisions: %v, %v", files, err)
	}
	index := readText(t, "../../docs/adr/README.md")
	rows := decisionRow.FindAllStringSubmatch(index, -1)
	if len(rows) != len(files) {
		t.Errorf("the index has %d rows for %d decisions", len(rows), len(files))
	}
	next := 1
	for i, path := range files { // sorted by name, and so by number
		for slices.Contains(unusedDecisions, next) {
			if !strings.Contains(index, fmt.Sprintf("no %04d", next)) {
				t.Errorf("the index does not say that there is no %04d", next)
			}
			next++
		}
		title := decisionTitle.FindStringSubmatch(readText(t, path))
		if title == nil {
			t.Errorf("%s has no title of the form '# 0001: title'", path)
			continue
		}
		number := fmt.Sprintf("%04d", next)
		if name := filepath.Base(path); title[1] != number || !strings.HasPrefix(name, number+"-") {
			t.Errorf("%s is %s in its title, want number %s", path, title[1], number)
		}
		if i < len(rows) && (rows[i][1] != number || rows[i][2] != filepath.Base(path) || rows[i][3] != title[2]) {
			t.Errorf("row %d of the index is %q, want %s, %s and %q", i+1, rows[i][0], number, filepath.Base(path), title[2])
		}
		next++
	}
}
