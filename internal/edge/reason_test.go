package edge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/tlsconn"
)

func TestEveryReasonIsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "control-protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for reason := range numRefuseReasons {
		if !strings.Contains(page, "`"+reason.String()+"`") {
			t.Errorf("the reason %q to refuse is not documented", reason)
		}
	}
	for reason := range numCloseReasons {
		if !strings.Contains(page, "`"+reason.String()+"`") {
			t.Errorf("the reason %q to close is not documented", reason)
		}
	}
	for keeper := range tlsconn.NumKeepers {
		if name := tlsconn.Keeper(keeper).String(); !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the keeper %q of records is not documented", name)
		}
	}
}
