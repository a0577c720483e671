package config

import (
	"math"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
		bad  bool
	}{
		{in: "0", want: 0},
		{in: "65536", want: 65536},
		{in: "64KiB", want: 65536},
		{in: "64 KiB", want: 65536},
		{in: "1MiB", want: 1 << 20},
		{in: "1MB", want: 1_000_000},
		{in: "2kB", want: 2000},
		{in: "2KB", want: 2000},
		{in: "3GiB", want: 3 << 30},
		{in: "3GB", want: 3_000_000_000},
		{in: "12B", want: 12},
		{in: "-1", want: -1}, // refused later, with its range
		{in: "9223372036854775807", want: math.MaxInt64},
		{in: "9223372036854775808", bad: true},
		{in: "9007199254740992KiB", bad: true},
		{in: "-9223372036854775807KiB", bad: true},
		{in: "1.5MiB", bad: true},
		{in: "64  KiB", bad: true},
		{in: "64K", bad: true},
		{in: "KiB", bad: true},
		{in: "", bad: true},
		{in: " 1", bad: true},
		{in: "0x10", bad: true},
	} {
		got, err := parseSize(c.in)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("parseSize(%q) = %d, %v; want %d, bad %v", c.in, got, err, c.want, c.bad)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		in   string
		want time.Duration
		bad  bool
	}{
		{in: "0", want: 0},
		{in: "15s", want: 15 * time.Second},
		{in: "1h30m", want: 90 * time.Minute},
		{in: "250ms", want: 250 * time.Millisecond},
		{in: "-1s", want: -time.Second},
		{in: "15", bad: true},
		{in: "", bad: true},
		{in: "2d", bad: true},
	} {
		got, err := parseDuration(c.in)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("parseDuration(%q) = %v, %v; want %v, bad %v", c.in, got, err, c.want, c.bad)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for _, c := range []struct {
		in   time.Duration
		want string
	}{
		{0, "0"},
		{time.Second, "1s"},
		{10 * time.Second, "10s"},
		{90 * time.Second, "1m30s"},
		{10 * time.Minute, "10m"},
		{time.Hour, "1h"},
		{90 * time.Minute, "1h30m"},
		{20 * time.Hour, "20h"},
		{100 * time.Millisecond, "100ms"},
		{time.Hour + time.Second, "1h0m1s"},
	} {
		got := formatDuration(c.in)
		if got != c.want {
			t.Errorf("formatDuration(%v) = %q, want %q", c.in, got, c.want)
		}
		if back, err := parseDuration(got); err != nil || back != c.in {
			t.Errorf("%q reads back as %v, %v", got, back, err)
		}
	}
}

func TestFormatSizeReadsBack(t *testing.T) {
	for v, want := range map[int64]string{0: "0", 1: "1", 1023: "1023", 1024: "1KiB", 1 << 20: "1MiB", 5 << 30: "5GiB", 1536: "1536", -1024: "-1KiB"} {
		got := formatNumber(Size, v)
		if got != want {
			t.Errorf("formatNumber(%d) = %q, want %q", v, got, want)
		}
		if back, err := parseSize(got); err != nil || back != v {
			t.Errorf("%q reads back as %d, %v", got, back, err)
		}
	}
}

func TestParseNumbersAndSwitches(t *testing.T) {
	var i int
	if err := parseValue(Int, &i, "12KiB"); err == nil {
		t.Error("a count took a size")
	}
	if err := parseValue(Int, &i, "-3"); err != nil || i != -3 {
		t.Errorf("-3 read as %d, %v", i, err)
	}
	var b bool
	for text, want := range map[string]bool{"true": true, "1": true, "false": false, "0": false} {
		if err := parseValue(Bool, &b, text); err != nil || b != want {
			t.Errorf("%s read as %v, %v", text, b, err)
		}
	}
	if err := parseValue(Bool, &b, "yes please"); err == nil {
		t.Error(`"yes please" was taken for a switch`)
	}
}
