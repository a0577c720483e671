package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	pageLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	pageHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fencedBlock = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	linkInTitle = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// pages lists the pages of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/adr/*.md", "../../examples/*.md", "../../examples/*/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		found = append(found, files...)
	}
	return found
}

// TestLinksBetweenPages proves that links to other pages, and to headings of them, lead somewhere.
func TestLinksBetweenPages(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, page := range pages(t) {
		text := fencedBlock.ReplaceAllString(readText(t, page), "")
		for _, match := range pageLink.FindAllStringSubmatch(text, -1) {
			if strings.Contains(match[1], "://") || strings.HasPrefix(match[1], "mailto:") {
				continue
			}
			checked++
			path, anchor, _ := strings.Cut(match[1], "#")
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, match[1], err)
				continue
			}
			if anchor != "" && !anchors(t, target)[anchor] {
				t.Errorf("%s links to %s, which has no such heading", page, match[1])
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were found", checked)
	}
}

// anchors returns the anchors of a page's headings, as GitHub makes them.
func anchors(t *testing.T, page string) map[string]bool {
	t.Helper()
	found := make(map[string]bool)
	text := fencedBlock.ReplaceAllString(readText(t, page), "")
	for _, match := range pageHeading.FindAllStringSubmatch(text, -1) {
		title := strings.ToLower(linkInTitle.ReplaceAllString(match[1], "$1"))
		name := strings.ReplaceAll(notInAnchors.ReplaceAllString(title, ""), " ", "-")
		unique := name
		for n := 1; found[unique]; n++ {
			unique = name + "-" + strconv.Itoa(n)
		}
		found[unique] = true
	}
	return found
}
