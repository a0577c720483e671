package archtest

import (
	"strings"
	"testing"
)

// TestEveryDifferenceFromHassesHasItsTest proves that each line of what the migration page says is left names a test that
// exists, and that the page names every test that holds such a line.
func TestEveryDifferenceFromHassesHasItsTest(t *testing.T) {
	t.Parallel()
	const path, title = "docs/migrating-from-hasses.md", "## What is left to look at\n"
	_, section, ok := strings.Cut(readText(t, "../../"+path), title)
	if !ok {
		t.Fatalf("%s has lost its section %q", path, title)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	tests := testFunctions(t)
	rows := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| hasses 1.30 |") {
			continue
		}
		rows++
		named := testName.FindAllStringSubmatch(line, -1)
		if len(named) == 0 {
			t.Errorf("%s names no test for: %s", path, line)
		}
		for _, match := range named {
			if !tests[match[1]] {
				t.Errorf("%s names %s, which no package has", path, match[1])
			}
		}
	}
	if rows == 0 {
		t.Errorf("%s has no line in %q", path, title)
	}
	for name := range tests {
		if strings.HasPrefix(name, "TestHassesLeft_") && !strings.Contains(section, "`"+name+"`") {
			t.Errorf("%s does not name %s", path, name)
		}
	}
}
