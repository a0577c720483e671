package main

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// parseDuration reads a duration as people write it, and says what is wrong with one that has no unit.
func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err == nil {
		return d, nil
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return 0, fmt.Errorf("%s: a duration needs a unit, as in %ss or %sms", text, text, text)
	}
	return 0, fmt.Errorf("%s: want a duration, such as 500ms, 15s or 1h30m", text)
}

// age is a span in its two largest units: 7s, 3m12s, 5h07m, 12d04h.
func age(seconds float64) string {
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

// size is a number of bytes in the largest unit that leaves something before the point.
func size(bytes int64) string {
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

// plural is "1 stream", "2 streams".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
