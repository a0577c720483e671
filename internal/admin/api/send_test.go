package api

import "testing"

// A message that is logged has no escapes for HTML either.
func TestTargetsAreWrittenAsTheyAre(t *testing.T) {
	for want, targets := range map[string]Targets{`"a&b"`: {"a&b"}, `["<a>","b&c"]`: {"<a>", "b&c"}} {
		if got, err := targets.MarshalJSON(); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}
