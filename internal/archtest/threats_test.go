package archtest

import (
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// threats is how many threats docs/security.md has; its headings number them without a gap.
const threats = 48

// longestCell is how many words a cell of a table in docs/security.md may have.
const longestCell = 50

var (
	threatHeading = regexp.MustCompile(`(?m)^### (T(\d+) (.+))$`)
	threatIndex   = regexp.MustCompile(`(?m)^\| T(\d+) \| \[(.+)\]\(#(.+)\) \|$`)
	threatLabel   = regexp.MustCompile(`(?m)^\*\*(\w+):\*\*(?: |$)`)
	settingName   = regexp.MustCompile("`([a-z_][a-z0-9_]*(?:\\.[a-z0-9_]+)*|\\[+[a-z._]+\\]+)`")
	testName      = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)\\w+)`")
	makeTarget    = regexp.MustCompile("`make ([a-z-]+)`")
	threatTest    = regexp.MustCompile(`^TestT(\d+)[A-Z]`)
	notInAnchors  = regexp.MustCompile(`[^a-z0-9 _-]`)
)

// TestEveryThreatHasItsTests proves that docs/security.md has a section for each threat and lists it in its index, that a
// section tells attack, defence, settings and tests in this order, and that it names every test of its threat.
func TestEveryThreatHasItsTests(t *testing.T) {
	t.Parallel()
	page := readText(t, "../../docs/security.md")
	tests := testFunctions(t)
	configuration := readText(t, "../../docs/configuration.md")
	_, list, _ := strings.Cut(page, "\n## Threats\n")
	list, _, _ = strings.Cut(list, "\n## ")

	index := threatIndex.FindAllStringSubmatch(list, -1)
	headings := threatHeading.FindAllStringSubmatchIndex(list, -1)
	if len(headings) != threats || len(index) != threats {
		t.Fatalf("docs/security.md has %d threats and an index of %d, want %d", len(headings), len(index), threats)
	}
	for i, at := range headings {
		heading, number, title := list[at[2]:at[3]], list[at[4]:at[5]], list[at[6]:at[7]]
		if number != strconv.Itoa(i+1) {
			t.Errorf("threat %d has the number T%s", i+1, number)
		}
		anchor := strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
		if got := index[i]; got[1] != number || got[2] != title || got[3] != anchor {
			t.Errorf("line %d of the index is %q, want T%s, %q and the anchor %s", i+1, got[0], number, title, anchor)
		}
		end := len(list)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		checkThreat(t, number, list[at[1]:end], tests, configuration)
	}
}

// checkThreat checks the section of one threat.
func checkThreat(t *testing.T, number, section string, tests map[string]bool, configuration string) {
	t.Helper()
	var labels []string
	parts := make(map[string]string)
	found := threatLabel.FindAllStringSubmatchIndex(section, -1)
	for i, at := range found {
		end := len(section)
		if i+1 < len(found) {
			end = found[i+1][0]
		}
		label := section[at[2]:at[3]]
		labels = append(labels, label)
		parts[label] = strings.TrimSpace(section[at[1]:end])
		if parts[label] == "" {
			t.Errorf("T%s says nothing under %s", number, label)
		}
	}
	if want := []string{"Attack", "Defence", "Settings", "Tests"}; !slices.Equal(labels, want) {
		t.Fatalf("T%s has %q, want %q", number, labels, want)
	}
	if parts["Settings"] != "none" {
		names := settingName.FindAllStringSubmatch(parts["Settings"], -1)
		if len(names) == 0 {
			t.Errorf("T%s names no setting, and does not say none", number)
		}
		for _, name := range names {
			if !strings.Contains(configuration, "`"+name[1]+"`") {
				t.Errorf("T%s names the setting %s, which docs/configuration.md has not", number, name[1])
			}
		}
	}
	named := false
	for _, match := range testName.FindAllStringSubmatch(parts["Tests"], -1) {
		of := threatTest.FindStringSubmatch(match[1])
		named = named || of != nil && of[1] == number
	}
	if !named {
		t.Errorf("T%s names no test TestT%s...", number, number)
	}
	for name := range tests {
		if of := threatTest.FindStringSubmatch(name); of != nil && of[1] == number && !strings.Contains(parts["Tests"], "`"+name+"`") {
			t.Errorf("T%s does not name %s", number, name)
		}
	}
}

// TestSecurityPageNamesWhatExists proves that the tests and make targets of docs/security.md exist, that no test is of a
// threat that the page has not, and that its tables can be read.
func TestSecurityPageNamesWhatExists(t *testing.T) {
	t.Parallel()
	page := readText(t, "../../docs/security.md")
	tests := testFunctions(t)
	for _, match := range testName.FindAllStringSubmatch(page, -1) {
		if !tests[match[1]] {
			t.Errorf("docs/security.md names %s, which no package has", match[1])
		}
	}
	for name := range tests {
		if of := threatTest.FindStringSubmatch(name); of != nil && !strings.Contains(page, "\n### T"+of[1]+" ") {
			t.Errorf("%s is of a threat that docs/security.md has not", name)
		}
	}
	makefile := readText(t, "../../Makefile")
	for _, match := range makeTarget.FindAllStringSubmatch(page, -1) {
		if !strings.Contains(makefile, "\n"+match[1]+":") {
			t.Errorf("docs/security.md names make %s, which the Makefile has not", match[1])
		}
	}
	for line := range strings.Lines(page) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		for cell := range strings.SplitSeq(line, " | ") {
			if n := len(strings.Fields(cell)); n > longestCell {
				t.Errorf("docs/security.md has a cell of %d words, want %d at most: %s", n, longestCell, cell)
			}
		}
	}
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
