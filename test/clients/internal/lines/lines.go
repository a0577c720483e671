// Package lines reports what a subscriber sees, one JSON object a line, to the test that started it.
package lines

import (
	"encoding/json"
	"io"
	"os"
)

// Report is one thing seen.
type Report struct {
	Kind string `json:"kind"` // open, event, error
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	Data string `json:"data"`
}

// Print writes r to standard output. Calls must not overlap.
func Print(r Report) {
	line, err := json.Marshal(r)
	if err != nil {
		panic("lines: internal error: " + err.Error())
	}
	if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
		os.Exit(1)
	}
}

// UntilEOF returns when standard input ends, which is how the test says that it has seen enough.
func UntilEOF() {
	_, _ = io.Copy(io.Discard, os.Stdin)
}
