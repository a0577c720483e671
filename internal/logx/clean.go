package logx

import (
	"context"
	"fmt"
	"log/slog"
	"unicode/utf8"
)

// Clean returns s as printable ASCII. Other bytes and characters become \xNN and \u{NNNN}, a backslash
// becomes \x5C, so that the result stands for one text only. Text that is clean already is returned as it is,
// without allocation.
//
// The digits are upper case, and a backslash is not doubled, for a reason: tint turns \x1b in a quoted
// value back into ESC, so that exact text must not come out of here, whatever goes in.
func Clean(s string) string {
	for i := range len(s) {
		if !isPlain(s[i]) {
			return string(appendClean(make([]byte, 0, len(s)+16), s))
		}
	}
	return s
}

func isPlain(b byte) bool { return b >= ' ' && b <= '~' && b != '\\' }

func appendClean(dst []byte, s string) []byte {
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r < utf8.RuneSelf && isPlain(s[0]):
			dst = append(dst, s[0])
		case r < utf8.RuneSelf || r == utf8.RuneError && size == 1:
			dst = fmt.Appendf(dst, `\x%02X`, s[0])
		default:
			dst = fmt.Appendf(dst, `\u{%X}`, r)
		}
		s = s[size:]
	}
	return dst
}

// cleaner is a handler that cleans messages, keys and values on their way to another one.
type cleaner struct{ next slog.Handler }

func (c *cleaner) Enabled(ctx context.Context, level slog.Level) bool {
	return c.next.Enabled(ctx, level)
}

func (c *cleaner) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, Clean(r.Message), r.PC)
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
	return &cleaner{c.next.WithGroup(Clean(name))}
}

func cleanAttrs(attrs []slog.Attr) []slog.Attr {
	clean := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		clean = append(clean, cleanAttr(a))
	}
	return clean
}

func cleanAttr(a slog.Attr) slog.Attr {
	return slog.Attr{Key: Clean(a.Key), Value: cleanValue(a.Value.Resolve())}
}

func cleanValue(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(Clean(v.String()))
	case slog.KindGroup:
		return slog.GroupValue(cleanAttrs(v.Group())...)
	case slog.KindAny:
		return cleanAny(v.Any())
	case slog.KindLogValuer: // resolved before; not reached, but never let through
		return slog.StringValue(Clean(v.String()))
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64:
		return v
	}
	return slog.StringValue(Clean(v.String()))
}

// cleanAny turns what only its own methods can write into text first; fmt survives methods that panic.
func cleanAny(v any) slog.Value {
	switch v := v.(type) {
	case nil:
		return slog.AnyValue(nil)
	case error:
		return slog.AnyValue(errorText(Clean(fmt.Sprintf("%v", v))))
	case []string:
		clean := make([]string, 0, len(v))
		for _, s := range v {
			clean = append(clean, Clean(s))
		}
		return slog.AnyValue(clean)
	case []byte:
		return slog.StringValue(Clean(string(v)))
	default:
		return slog.StringValue(Clean(fmt.Sprintf("%+v", v)))
	}
}

// errorText is an error after cleaning: still an error, so that handlers show it as one.
type errorText string

func (e errorText) Error() string { return string(e) }
