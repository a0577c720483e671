package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is the type of a key's value.
type Kind uint8

// The kinds of values.
const (
	Bool     Kind = iota + 1 // true or false
	String                   // any text
	List                     // texts: an array in TOML, a repeated flag, commas in the environment
	Int                      // a whole number
	Size                     // bytes: 65536, 64KiB, 1MiB
	Duration                 // as for time.ParseDuration: 15s, 1h30m, 0
)

func (k Kind) String() string {
	switch k {
	case Bool:
		return "bool"
	case String:
		return "string"
	case List:
		return "list"
	case Int:
		return "int"
	case Size:
		return "size"
	case Duration:
		return "duration"
	}
	return "unknown"
}

// valueError is why a text is not a value of its kind, and a hint.
type valueError struct{ what, hint string }

func (e *valueError) Error() string { return e.what }

// parseValue reads text into a field of the kind. It appends text to a list.
func parseValue(kind Kind, field any, text string) *valueError {
	switch f := field.(type) {
	case *bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return &valueError{fmt.Sprintf("%q is not true or false", text), ""}
		}
		*f = v
	case *string:
		*f = text
	case *[]string:
		*f = append(*f, text)
	case *time.Duration:
		v, err := parseDuration(text)
		if err != nil {
			return err
		}
		*f = v
	case *int:
		v, err := parseNumber(kind, text)
		if err != nil {
			return err
		}
		if v > math.MaxInt || v < math.MinInt {
			return &valueError{fmt.Sprintf("%q is too large", text), ""}
		}
		*f = int(v)
	case *int64:
		v, err := parseNumber(kind, text)
		if err != nil {
			return err
		}
		*f = v
	default:
		panic(fmt.Sprintf("config: internal error: no parser for %T", field))
	}
	return nil
}

func parseNumber(kind Kind, text string) (int64, *valueError) {
	if kind == Size {
		return parseSize(text)
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, &valueError{fmt.Sprintf("%q is not a whole number", text), ""}
	}
	return v, nil
}

// sizeUnits are tried in this order, because the longer ones also end in "B".
var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"kB", 1e3},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"B", 1},
	{"", 1},
}

const sizeHint = "write bytes or KiB, MiB, GiB, as in 65536, 64KiB, 1MiB"

func parseSize(text string) (int64, *valueError) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		v, err := strconv.ParseInt(strings.TrimSuffix(digits, " "), 10, 64)
		if err != nil {
			return 0, &valueError{fmt.Sprintf("%q is not a size", text), sizeHint}
		}
		if v > math.MaxInt64/u.bytes || v < math.MinInt64/u.bytes {
			return 0, &valueError{fmt.Sprintf("%q is too large", text), ""}
		}
		return v * u.bytes, nil
	}
	panic("config: internal error: the empty unit matches everything")
}

const durationHint = "write it with a unit, as in 500ms, 15s, 10m, 1h30m"

func parseDuration(text string) (time.Duration, *valueError) {
	v, err := time.ParseDuration(text)
	if err != nil {
		return 0, &valueError{fmt.Sprintf("%q is not a duration", text), durationHint}
	}
	return v, nil
}

// formatValue returns a field in the form that parseValue reads, with list items joined by commas.
func formatValue(kind Kind, field any) string {
	switch f := field.(type) {
	case *bool:
		return strconv.FormatBool(*f)
	case *string:
		return *f
	case *[]string:
		return strings.Join(*f, ",")
	case *time.Duration:
		return formatDuration(*f)
	case *int:
		return formatNumber(kind, int64(*f))
	case *int64:
		return formatNumber(kind, *f)
	}
	panic(fmt.Sprintf("config: internal error: no format for %T", field))
}

func formatNumber(kind Kind, v int64) string {
	if kind == Size && v != 0 {
		for _, u := range []struct {
			suffix string
			bytes  int64
		}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
			if v%u.bytes == 0 {
				return strconv.FormatInt(v/u.bytes, 10) + u.suffix
			}
		}
	}
	return strconv.FormatInt(v, 10)
}

// formatDuration leaves out the zero units of time.Duration.String: 10m, not 10m0s.
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// sameValue reports whether two fields of one key are equal. A nil list equals an empty one.
func sameValue(a, b any) bool {
	switch a := a.(type) {
	case *bool:
		return *a == *b.(*bool)
	case *string:
		return *a == *b.(*string)
	case *[]string:
		return slices.Equal(*a, *b.(*[]string))
	case *time.Duration:
		return *a == *b.(*time.Duration)
	case *int:
		return *a == *b.(*int)
	case *int64:
		return *a == *b.(*int64)
	}
	panic(fmt.Sprintf("config: internal error: no comparison for %T", a))
}

// copyValue copies a field of one key. It clones lists.
func copyValue(to, from any) {
	switch to := to.(type) {
	case *bool:
		*to = *from.(*bool)
	case *string:
		*to = *from.(*string)
	case *[]string:
		*to = slices.Clone(*from.(*[]string))
	case *time.Duration:
		*to = *from.(*time.Duration)
	case *int:
		*to = *from.(*int)
	case *int64:
		*to = *from.(*int64)
	default:
		panic(fmt.Sprintf("config: internal error: no copy for %T", to))
	}
}
