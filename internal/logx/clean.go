package logx

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/hassesd/hassesd/internal/safetext"
)

// cleaner is a handler that escapes messages, keys and values for the next handler.
type cleaner struct{ next slog.Handler }

func (c *cleaner) Enabled(ctx context.Context, level slog.Level) bool {
	return c.next.Enabled(ctx, level)
}

func (c *cleaner) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, safetext.ASCII(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(cleanAttr(a))
		return true
	})
	return c.next.Handle(ctx, clean)
}

func (c *cleaner) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &cleaner{c.next.WithAttrs(cleanAttrs(attrs))}
}

func (c *cleaner) WithGroup(name string) slog.Handler {
	return &cleaner{c.next.WithGroup(safetext.ASCII(name))}
}

func cleanAttrs(attrs []slog.Attr) []slog.Attr {
	clean := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		clean = append(clean, cleanAttr(a))
	}
	return clean
}

func cleanAttr(a slog.Attr) slog.Attr {
	return slog.Attr{Key: safetext.ASCII(a.Key), Value: cleanValue(a.Value.Resolve())}
}

func cleanValue(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(safetext.ASCII(v.String()))
	case slog.KindGroup:
		return slog.GroupValue(cleanAttrs(v.Group())...)
	case slog.KindAny:
		return cleanAny(v.Any())
	case slog.KindLogValuer: // resolved before, so not reached; escaped all the same
		return slog.StringValue(safetext.ASCII(v.String()))
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64:
		return v
	}
	return slog.StringValue(safetext.ASCII(v.String()))
}

// cleanAny formats a value of any type as text before escaping it. fmt recovers from methods that
// panic.
func cleanAny(v any) slog.Value {
	switch v := v.(type) {
	case nil:
		return slog.AnyValue(nil)
	case error:
		return slog.AnyValue(escapedError(safetext.ASCII(fmt.Sprintf("%v", v))))
	case []string:
		clean := make([]string, 0, len(v))
		for _, s := range v {
			clean = append(clean, safetext.ASCII(s))
		}
		return slog.AnyValue(clean)
	case []byte:
		return slog.StringValue(safetext.ASCII(string(v)))
	default:
		return slog.StringValue(safetext.ASCII(fmt.Sprintf("%+v", v)))
	}
}

// escapedError is an error whose text is escaped: still an error, so that handlers show it as one.
type escapedError string

func (e escapedError) Error() string { return string(e) }
