package publish

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRefusalsAndDoorsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "monitoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Refusals() {
		if !strings.Contains(string(page), "`"+r.String()+"`") {
			t.Errorf("the refusal %q is not documented", r)
		}
	}
	for _, d := range Doors() {
		if !strings.Contains(string(page), "`"+d.String()+"`") {
			t.Errorf("the door %q is not documented", d)
		}
	}
}
