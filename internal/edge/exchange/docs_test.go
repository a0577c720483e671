package exchange

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryCodeIsDocumented holds the pages of both kinds of clients against the codes that
// answer.go declares.
func TestEveryCodeIsDocumented(t *testing.T) {
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(path...))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	docs := filepath.Join("..", "..", "..", "docs")
	pages := read(docs, "subscribing.md") + read(docs, "publishing.md")
	declared := regexp.MustCompile(`(?m)^\tCode\w+ +Code = "(\w+)"`).FindAllStringSubmatch(read("answer.go"), -1)
	if len(declared) < 15 {
		t.Fatalf("only %d codes were found", len(declared))
	}
	for _, code := range declared {
		if !strings.Contains(pages, "`"+code[1]+"`") {
			t.Errorf("the code %s is not documented", code[1])
		}
	}
}
