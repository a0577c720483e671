package output

import (
	"fmt"
	"math"
	"time"
)

// Age returns a span in its two largest units: 7s, 3m12s, 5h07m, 12d04h.
func Age(seconds float64) string {
	s := uint64(0)
	if seconds > 0 && seconds < math.MaxInt64 {
		s = uint64(seconds)
	}
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	}
	return fmt.Sprintf("%dd%02dh", s/(24*3600), s%(24*3600)/3600)
}

// Size returns a number of bytes in the largest unit that leaves something before the point.
func Size(bytes int64) string {
	if bytes < 1024 {
		return fmt.Sprintf("%d B", bytes)
	}
	value, units := float64(bytes), "KMGTPE"
	for i := range units {
		if value /= 1024; value < 1023.95 {
			return fmt.Sprintf("%.1f %ciB", value, units[i])
		}
	}
	return fmt.Sprintf("%d B", bytes)
}

// Plural returns "1 stream", "2 streams" and so on.
func Plural[N int | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprint(n) + " " + noun + "s"
}

// Day returns a day in UTC, or "-" for none.
func Day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

// Time returns a time in UTC, to the second.
func Time(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// OnOff returns how people call a switch.
func OnOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
