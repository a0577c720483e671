package logx

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// LineKey is the attribute with a line of text that a client asked to log. The format classic
// writes such a record as that line alone.
const LineKey = "line"

// classicTime is the format of the time in logs of hasses, the C program. classicName follows it.
const (
	classicTime = time.DateTime
	classicName = " hasses: "
)

// classicHandler writes lines as hasses did: time, name and text. It marks warnings and errors.
// Attributes follow as key=value.
type classicHandler struct {
	line  *classicLine // shared by derived handlers
	attrs slog.Handler // writes the attributes to line
}

// classicLine builds a line.
type classicLine struct {
	out io.Writer // fixed

	mu    sync.Mutex // held while a record is handled; guards the fields below
	whole bytes.Buffer
	attrs bytes.Buffer
}

func newClassicHandler(out io.Writer, level slog.Leveler) *classicHandler {
	line := &classicLine{out: out}
	return &classicHandler{line, slog.NewTextHandler(&line.attrs, &slog.HandlerOptions{Level: level, ReplaceAttr: attributesOnly})}
}

// attributesOnly removes the level and the empty message, because classicHandler has written them.
func attributesOnly(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	if _, isLevel := a.Value.Any().(slog.Level); isLevel && a.Key == slog.LevelKey || a.Key == slog.MessageKey && a.Value.String() == "" {
		return slog.Attr{}
	}
	return a
}

func (h *classicHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.attrs.Enabled(ctx, level)
}

func (h *classicHandler) Handle(ctx context.Context, r slog.Record) error {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	b := &h.line.whole
	b.Reset()
	b.WriteString(r.Time.Format(classicTime))
	b.WriteString(classicName)
	if line, ok := lineOf(r); ok {
		b.WriteString(line)
		b.WriteByte('\n')
		_, err := h.line.out.Write(b.Bytes())
		return err
	}
	switch {
	case r.Level >= slog.LevelError:
		b.WriteString("error: ")
	case r.Level >= slog.LevelWarn:
		b.WriteString("warning: ")
	}
	b.WriteString(r.Message)
	r.Time, r.Message = time.Time{}, ""
	h.line.attrs.Reset()
	if err := h.attrs.Handle(ctx, r); err != nil {
		return err
	}
	if attrs := h.line.attrs.Bytes(); len(attrs) > len("\n") {
		b.WriteByte(' ')
		b.Write(attrs)
	} else {
		b.WriteByte('\n')
	}
	_, err := h.line.out.Write(b.Bytes())
	return err
}

// lineOf returns the value of LineKey, if the record has one.
func lineOf(r slog.Record) (line string, ok bool) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == LineKey && a.Value.Kind() == slog.KindString {
			line, ok = a.Value.String(), true
		}
		return !ok
	})
	return line, ok
}

func (h *classicHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &classicHandler{h.line, h.attrs.WithAttrs(attrs)}
}

func (h *classicHandler) WithGroup(name string) slog.Handler {
	return &classicHandler{h.line, h.attrs.WithGroup(name)}
}
