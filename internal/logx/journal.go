package logx

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// journalHandler writes text lines for systemd's journal: with a priority prefix (sd-daemon(3)) and
// without the time, which the journal adds.
type journalHandler struct {
	line *journalLine // shared by derived handlers
	text slog.Handler // writes to line
}

func newJournalHandler(out io.Writer, level slog.Leveler) *journalHandler {
	line := &journalLine{out: out}
	return &journalHandler{line, slog.NewTextHandler(line, &slog.HandlerOptions{Level: level})}
}

func (h *journalHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.text.Enabled(ctx, level)
}

func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	h.line.priority = priority(r.Level)
	r.Time = time.Time{} // a handler omits a zero time
	return h.text.Handle(ctx, r)
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journalHandler{h.line, h.text.WithAttrs(attrs)}
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	return &journalHandler{h.line, h.text.WithGroup(name)}
}

// journalLine writes the priority and the line in one write.
type journalLine struct {
	out io.Writer // fixed

	mu       sync.Mutex // held while a record is handled; guards the fields below
	priority byte
	buf      []byte
}

// Write is called once per record, with mu held.
func (l *journalLine) Write(p []byte) (int, error) {
	l.buf = append(append(l.buf[:0], '<', l.priority, '>'), p...)
	if _, err := l.out.Write(l.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

// priority returns the syslog severity (RFC 5424, section 6.2.1) as a digit.
func priority(level slog.Level) byte {
	switch {
	case level >= slog.LevelError:
		return '3'
	case level >= slog.LevelWarn:
		return '4'
	case level >= slog.LevelInfo:
		return '6'
	}
	return '7'
}
