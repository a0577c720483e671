package archtest

import (
	"go/ast"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// vagueActors do not say who acts: a user of the machine, a client, a process, a host. What users read
// names the actor.
var vagueActors = regexp.MustCompile(`(?i)\b(?:every|some|any)(?:body|one)\b|\bwho(?:m)?ever\b`)

// TestStringsNameTheActor looks at the strings of the programs: help, errors, log messages.
func TestStringsNameTheActor(t *testing.T) {
	t.Parallel()
	literals := 0
	for _, root := range []string{"../../cmd", "../../internal", "../../packaging"} {
		err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			ast.Inspect(parse(t, file), func(n ast.Node) bool {
				text, ok := n.(*ast.BasicLit)
				if !ok || text.Kind != token.STRING {
					return true
				}
				literals++
				if actor := vagueActors.FindString(text.Value); actor != "" {
					t.Errorf("%s: %s says %q: name the actor", file, text.Value, actor)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if literals < 5000 {
		t.Errorf("only %d strings were looked at", literals)
	}
}

// TestPagesNameTheActor looks at the pages for users; decisions are for those who know the code.
func TestPagesNameTheActor(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		if strings.Contains(filepath.ToSlash(page), "/adr/") {
			continue
		}
		text := codeSpan.ReplaceAllString(fencedBlock.ReplaceAllString(readText(t, page), ""), "")
		if actor := vagueActors.FindString(text); actor != "" {
			t.Errorf("%s says %q: name the actor", page, actor)
		}
	}
}

func TestVagueActors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Anybody may ask":        "Anybody",
		"whoever has the key":    "whoever",
		"readable by everyone":   "everyone",
		"any client, one by one": "",
		"nobody listens":         "",
	} {
		if got := vagueActors.FindString(text); got != want {
			t.Errorf("in %q: got %q, want %q", text, got, want)
		}
	}
}
