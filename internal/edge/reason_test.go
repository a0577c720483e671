package edge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryRefusalIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "control-protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	for reason := range numRefuseReasons {
		if !strings.Contains(string(page), "`"+reason.String()+"`") {
			t.Errorf("the reason %q is not documented", reason)
		}
	}
}
