package archtest

import (
	"cmp"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// threats is how many rows the table of docs/security.md has at the least; their numbers ascend.
const threats = 25

var (
	threatRow  = regexp.MustCompile(`(?m)^\| T(\d+) \|.*$`)
	testName   = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)\\w+)`")
	makeTarget = regexp.MustCompile("`make ([a-z-]+)`")
	threatTest = regexp.MustCompile(`^TestT(\d+)[A-Z]`)
)

// TestEveryThreatHasItsTests proves that docs/security.md names a test for each threat, that the tests it names exist, and
// that it names every test of a threat.
func TestEveryThreatHasItsTests(t *testing.T) {
	t.Parallel()
	page := readText(t, "../../docs/security.md")
	tests := testFunctions(t)
	for _, match := range testName.FindAllStringSubmatch(page, -1) {
		if !tests[match[1]] {
			t.Errorf("docs/security.md names %s, which no package has", match[1])
		}
	}
	makefile := readText(t, "../../Makefile")
	for _, match := range makeTarget.FindAllStringSubmatch(page, -1) {
		if !strings.Contains(makefile, "\n"+match[1]+":") {
			t.Errorf("docs/security.md names make %s, which the Makefile has not", match[1])
		}
	}
	var rows []string // their numbers
	for _, row := range threatRow.FindAllStringSubmatch(page, -1) {
		number := row[1]
		rows = append(rows, number)
		if cells := strings.Count(row[0], " |"); cells != 5 {
			t.Errorf("the row of T%s has %d cells, want 5: number, threat, defence, settings, tests", number, cells)
		}
		named := false
		for _, match := range testName.FindAllStringSubmatch(row[0], -1) {
			of := threatTest.FindStringSubmatch(match[1])
			named = named || of != nil && of[1] == number
		}
		if !named {
			t.Errorf("the row of T%s names no test TestT%s...", number, number)
		}
		for name := range tests {
			if of := threatTest.FindStringSubmatch(name); of != nil && of[1] == number && !strings.Contains(row[0], "`"+name+"`") {
				t.Errorf("the row of T%s does not name %s", number, name)
			}
		}
	}
	if len(rows) < threats || !slices.IsSortedFunc(rows, compareNumbers) || len(slices.Compact(rows)) != len(rows) {
		t.Errorf("docs/security.md has the threats %q, want %d or more with ascending numbers", rows, threats)
	}
}

func compareNumbers(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// testFunctions are the names of all tests, fuzz targets and benchmarks of the module.
func testFunctions(t *testing.T) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata" || path != "../.." && strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		for _, declared := range parse(t, path).Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil {
				found[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
