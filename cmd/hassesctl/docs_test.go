package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
)

// TestThePageDescribesEverything holds docs/hassesctl.md against the commands and flags that there
// are.
func TestThePageDescribesEverything(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "hassesctl.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	app := newTestApp()
	var headings strings.Builder
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "### ") {
			headings.WriteString(line)
		}
	}
	flags := cmdline.FlagNames(app.Flags)
	for _, c := range app.Commands {
		if c.Hidden {
			continue
		}
		flags = append(flags, cmdline.FlagNames(c.Flags)...)
		if !strings.Contains(headings.String(), c.Name) {
			t.Errorf("%s has no heading", c.Name)
		}
	}
	for _, name := range flags {
		if !strings.Contains(page, "--"+name) {
			t.Errorf("--%s is not described", name)
		}
	}
	for _, meaning := range exit.Meanings {
		if first, _, _ := strings.Cut(meaning, ":"); !strings.Contains(page, first) {
			t.Errorf("the exit code for %q is not described", first)
		}
	}
}
