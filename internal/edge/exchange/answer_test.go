package exchange

import (
	"log/slog"
	"strings"
	"testing"
)

// What people see of a refusal is what they sent, not an escape for HTML that it never is.
func TestErrorBodyIsForPeople(t *testing.T) {
	got := string(Refuse(400, CodeBadRoom, `the room "a&b<c>" is bad`).ErrorBody())
	if want := `the room \"a&b<c>\" is bad`; !strings.Contains(got, want) || !strings.HasSuffix(got, "}\n") || strings.Count(got, "\n") != 1 {
		t.Errorf("got %q, want %s on one line", got, want)
	}
}

func TestARequestIsLoggedWithoutItsSecrets(t *testing.T) {
	r := &Request{Method: "GET", Path: "/sse", RawQuery: "token=secret", Authorization: "Bearer secret", Cookie: "a=secret"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "request", r)
	if text := log.String(); strings.Contains(text, "secret") || !strings.Contains(text, "request.path=/sse") {
		t.Errorf("logged %s", text)
	}
}
