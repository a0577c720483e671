package dashboard

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// secret hides itself, as tokens do.
type secret string

func (secret) LogValue() slog.Value { return slog.StringValue("hidden") }

func TestEventsAreNotableRecords(t *testing.T) {
	t.Parallel()
	var written bytes.Buffer
	e := NewEvents()
	log := slog.New(e.Handler(slog.NewTextHandler(&written, &slog.HandlerOptions{Level: slog.LevelWarn})))
	log.Debug("a connection")
	log.Info("ready", "listen", []string{"a", "b"}, "key", secret("s3cret"))
	log.With("part", "history").WithGroup("file").Warn("not written", "path", "/x", slog.Group("disk", "free", 0), slog.Group("", "err", "full"))
	list, total := e.since(0)
	if total != 2 || len(list) != 2 {
		t.Fatalf("%d events: %v", total, list)
	}
	for i, want := range []Event{
		{Level: "info", Text: "ready listen=[a b] key=hidden"},
		{Level: "warn", Text: "not written part=history file.path=/x file.disk.free=0 file.err=full"},
	} {
		if list[i].Level != want.Level || list[i].Text != want.Text || list[i].At.IsZero() {
			t.Errorf("got %+v, want %+v", list[i], want)
		}
	}
	if out := written.String(); strings.Contains(out, "ready") || !strings.Contains(out, "part=history file.path=/x") {
		t.Errorf("the log has other records than its level: %s", out)
	}
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	e := NewEvents()
	log := slog.New(e.Handler(slog.DiscardHandler))
	for i := range 3 * keptEvents {
		log.Info("event", "number", i, "text", strings.Repeat("日", maxEventBytes), "more", "more")
	}
	list, total := e.since(0)
	if total != 3*keptEvents || len(list) != keptEvents || !strings.HasPrefix(list[0].Text, "event number=400 ") {
		t.Errorf("%d of %d, first %.40q", len(list), total, list[0].Text)
	}
	for _, one := range list {
		if len(one.Text) > maxEventBytes {
			t.Fatalf("%d bytes", len(one.Text))
		}
	}
	if list, _ := e.since(total - 1); len(list) != 1 || !strings.HasPrefix(list[0].Text, "event number=599 ") {
		t.Errorf("new ones: %d", len(list))
	}
	if list, _ := e.since(total); len(list) != 0 {
		t.Errorf("nothing is new, but %v", list)
	}
	if e.Handler(slog.DiscardHandler).Enabled(t.Context(), slog.LevelDebug) {
		t.Error("records of connections are asked for")
	}
}
