package output

import (
	"math"
	"testing"
)

func TestAge(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "0s", 0.9: "0s", 59.9: "59s", 60: "1m00s", 192: "3m12s", 3599: "59m59s", 3600: "1h00m", 86399: "23h59m",
		86400: "1d00h", 273906: "3d04h", 1e9: "11574d01h", -5: "0s", 1e300: "0s", math.Inf(1): "0s",
	} {
		if got := Age(seconds); got != want {
			t.Errorf("Age(%v) = %q, want %q", seconds, got, want)
		}
	}
	if got := Age(math.NaN()); got != "0s" {
		t.Errorf("Age(NaN) = %q", got)
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 12595: "12.3 KiB", 1<<20 - 1: "1.0 MiB", 1 << 20: "1.0 MiB",
		64 << 20: "64.0 MiB", 1 << 30: "1.0 GiB", math.MaxInt64: "8.0 EiB", -1: "-1 B",
	} {
		if got := Size(bytes); got != want {
			t.Errorf("Size(%d) = %q, want %q", bytes, got, want)
		}
	}
}

func TestPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 streams", 1: "1 stream", 2: "2 streams"} {
		if got := Plural(n, "stream"); got != want {
			t.Errorf("Plural(%d) = %q, want %q", n, got, want)
		}
	}
}
