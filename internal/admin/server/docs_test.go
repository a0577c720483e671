package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// TestDocumentedExchanges sends what docs/control-protocol.md shows, and compares the kind of the
// answers.
func TestDocumentedExchanges(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "control-protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range api.Refusals() {
		if !strings.Contains(string(page), "`"+string(reason)+"`") {
			t.Errorf("the refusal %s is not documented", reason)
		}
	}
	b := &admintest.Backend{Matches: 12}
	rights := loadRights(t, access.RightsOptions{Keys: []access.KeySource{keyFile(t, "ops", api.RoleAdmin, "0f3d1e6b5a2c4978")}})
	doors := admintest.StartServer(t, server.Options{Backend: b, Rights: rights})
	exchanges := 0
	for block := range strings.SplitSeq(string(page), "```\n") {
		if !strings.HasPrefix(block, "> ") {
			continue
		}
		p := connect(t, "unix", doors.Socket)
		for line := range strings.Lines(block) {
			sign, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			switch sign {
			case ">":
				p.send(text + "\n")
			case "<":
				exchanges++
				if got := p.line(); kind(got) != kind(text) {
					t.Errorf("got %s, documented is %s", got, text)
				}
			}
		}
	}
	if exchanges < 20 {
		t.Errorf("only %d exchanges were found", exchanges)
	}
}

// kind is what an answer has in common with others of its sort.
func kind(answer string) string {
	for _, k := range []string{`"error":{"code":-32602`, `"result":{"id"`, `"result":`, "ok k", "ok e", "ok", "error ", "Number", "Client", "{"} {
		if strings.HasPrefix(answer, k) || strings.HasPrefix(k, `"`) && strings.Contains(answer, k) {
			return strings.TrimSuffix(strings.TrimSuffix(k, "k"), "e")
		}
	}
	return answer
}
