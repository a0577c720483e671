package harness

import (
	"testing"
)

func TestIsVersionAtLeast(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		version, least string
		want           bool
	}{
		{"20.18.1", "20.18.1", true},
		{"20.19.0", "20.18.1", true},
		{"24.0.0", "20.18.1", true},
		{"20.18.0", "20.18.1", false},
		{"18.20.4", "20.18.1", false},
		{"9.99.99", "20.18.1", false},
		{"20.18", "20.18.1", false},
		{"", "20.18.1", false},
		{"nightly", "20.18.1", false},
	} {
		if got := isVersionAtLeast(tc.version, tc.least); got != tc.want {
			t.Errorf("isVersionAtLeast(%q, %q) = %v, want %v", tc.version, tc.least, got, tc.want)
		}
	}
}
