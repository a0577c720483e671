package daemon

import (
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/config"
)

// The log says that any origin may read streams at the start, and again when a reload comes back to
// it.
func TestTheLogWarnsOfHassesOrigins(t *testing.T) {
	const told = "pages of any web origin may read streams"
	r := start(t, "", config.Assignment{Flag: "murl", Value: "/sse"})
	if got := strings.Count(r.logged(), told); got != 1 {
		t.Errorf("told %d times at the start, want once", got)
	}
	r.configure("cors.origins = [\"https://www.example.org\"]\n")
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(r.logged(), told); got != 1 {
		t.Errorf("told %d times after a reload that names an origin, want once", got)
	}
	r.configure("")
	if err := r.reload(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(r.logged(), told); got != 2 {
		t.Errorf("told %d times after a reload that names none, want twice", got)
	}
}

func TestTheLogDoesNotWarnOfOriginsWithoutHassesSpellings(t *testing.T) {
	r := start(t, "", config.Assignment{Flag: "cors-origin", Value: "*"})
	if strings.Contains(r.logged(), "as with hasses") {
		t.Errorf("log: %s", r.logs)
	}
}
