package edge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/tlsconn"
)

func TestEveryReasonIsDocumented(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	page, monitoring := read("control-protocol.md"), read("monitoring.md")
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
	for result := range numHandshakeResults {
		if !strings.Contains(monitoring, "`"+result.String()+"`") {
			t.Errorf("the result %q of handshakes is not documented", result)
		}
	}
	for keeper := range tlsconn.NumKeepers {
		if name := tlsconn.Keeper(keeper).String(); !strings.Contains(page, "`"+name+"`") {
			t.Errorf("the keeper %q of records is not documented", name)
		}
	}
}
