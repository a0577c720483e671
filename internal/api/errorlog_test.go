package api

import (
	"log/slog"
	"strings"
	"testing"
)

func TestErrorsOfClientsAreNoWarnings(t *testing.T) {
	var logged lockedText
	l := slog.NewLogLogger(errorLog{slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})}, slog.LevelWarn)
	l.Print("http: TLS handshake error from 192.0.2.1:1: EOF")
	l.Print("http: Accept error: too many open files; retrying in 5ms")
	want := []string{"level=DEBUG", "level=WARN"}
	lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%q", lines)
	}
	for i, line := range lines {
		if !strings.Contains(line, want[i]) {
			t.Errorf("%s, want %s", line, want[i])
		}
	}
}
