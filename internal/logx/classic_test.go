package logx

import (
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestClassicLines(t *testing.T) {
	log, written := inMemory(t, "classic")
	log.Info("control answer", "command", "clientlist", LineKey, "  Agent: a=b \"c\"")
	log.Info("control answer", "command", "status", LineKey, "")
	log.Info("draining", "streams", 3, "window", 2*time.Second)
	log.Warn("no attributes")
	log.With("conn", 7).WithGroup("g").Error("lost", "err", errors.New("it broke"), slog.Group("in", "a", 1))
	log.Debug("d", "time", 5, "level", "high", "msg", "kept") //nolint:sloglint // even so the values must not be lost
	want := []string{
		`  Agent: a=b "c"`,
		``,
		`draining streams=3 window=2s`,
		`warning: no attributes`,
		`error: lost conn=7 g.err="it broke" g.in.a=1`,
		`d time=5 level=high msg=kept`,
	}
	stamp := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d hasses: `)
	got := strings.Split(strings.TrimSuffix(written(), "\n"), "\n")
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i, line := range got {
		prefix := stamp.FindString(line)
		if prefix == "" || strings.TrimPrefix(line, prefix) != want[i] {
			t.Errorf("got %q, want the time, hasses: and %q", line, want[i])
		}
	}
}

func TestClassicTellsOfLostRecords(t *testing.T) {
	var out sink
	notice, err := newNotice(&out, Options{Format: "classic", Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 30, 11, 20, 31, 0, time.Local)
	want := "2026-11-30 11:20:31 hasses: warning: log records were lost, as the log could not be written records=7\n"
	if got := string(notice(7, at)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
