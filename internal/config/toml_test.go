package config

import (
	"slices"
	"testing"
	"time"
)

func loadTOML(doc string) Sources {
	return Sources{ConfigFile: "f", ReadFile: files{"f": doc}.read, Flags: enough}
}

func TestTOMLValues(t *testing.T) {
	s := mustLoad(t, loadTOML(`
listen = ["https://:1", 'https://:2'] # both kinds of quotes
reinit = true
loops = 0x4
retry = "5s"
heartbeat = { interval = 0, event = "ping" }
history.events = 1_000
history.bytes = 1048576

[limits]
queue_bytes = "1MiB"
stream_age = "1h30m"
`))
	if !slices.Equal(s.Listen, []string{"https://:1", "https://:2"}) || !s.Reinit || s.Loops != 4 || s.Retry != 5*time.Second {
		t.Errorf("top: %+v", s)
	}
	if s.Heartbeat.Interval != 0 || s.Heartbeat.Event != "ping" || s.History.Bytes != 1<<20 {
		t.Errorf("heartbeat %+v, history %+v", s.Heartbeat, s.History)
	}
	if s.History.Events != 1000 || s.Limits.QueueBytes != 1<<20 || s.Limits.StreamAge != 90*time.Minute {
		t.Errorf("limits: %+v", s.Limits)
	}
}

func TestTOMLMistakes(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		want      []string
	}{
		{"unknown key", "pth = \"/x\"", []string{`f:1:1: pth: there is no such setting; did you mean "path"?`}},
		{"unknown key in a table", "\n[history]\n  byte = 1", []string{`f:3:3: history.byte: there is no such setting; did you mean "history.bytes"?`}},
		{"unknown table once", "[histroy]\nbytes = 1\nage = 2", []string{`f:1:2: histroy: there is no such setting; did you mean "history"?`}},
		{"unknown in an inline table", "history = { bytes = 1, ages = \"1s\" }", []string{`f:1:24: history.ages: there is no such setting; did you mean "history.age"?`}},
		{"dotted key in quotes is another key", `"history.bytes" = 1`, []string{`f:1:1: "history.bytes": there is no such setting`}},
		{"string for a number", `loops = "4"`, []string{`f:1:1: loops: is a string, but must be an integer`}},
		{"number for a string", `path = 4`, []string{`f:1:1: path: is an integer, but must be a string`}},
		{"string for a switch", `reinit = "true"`, []string{`f:1:1: reinit: is a string, but must be true or false`}},
		{"string for a list", `listen = "https://:1"`, []string{`f:1:1: listen: is a string, but must be an array of strings`}},
		{"list of numbers", `listen = [1]`, []string{`f:1:1: listen: is an array, but must be an array of strings`}},
		{"fraction", `loops = 1.5`, []string{`f:1:1: loops: is a number with a fraction, but must be an integer`}},
		{"date", `path = 2026-01-02`, []string{`f:1:1: path: is a date or time, but must be a string`}},
		{"duration without unit", `retry = 15`, []string{`f:1:1: retry: is an integer, but must be a duration in quotes, as in "15s"`}},
		{"duration without unit in quotes", `retry = "15"`, []string{`f:1:1: retry: "15" is not a duration; write it with a unit`}},
		{"bad size", `history.bytes = "many"`, []string{`f:1:1: history.bytes: "many" is not a size; write bytes or KiB`}},
		{"table for a key", "[path]\nx = 1", []string{`f:1:2: path: is a setting, not a table; write path = …`}},
		{"inline table for a key", "path = {}", []string{`f:1:1: path: is a table, but must be a string`}},
		{"key below a key", "path.x = 1", []string{`f:1:1: path.x: there is no such setting`}},
		{"key for a table", "history = 1", []string{`f:1:1: history: is a table; write its settings below [history]`}},
		{"array of tables", "[[history]]\nbytes = 1", []string{`f:1:3: history: is not an array of tables`}},
		{"double key", "path = \"/a\"\npath = \"/b\"", []string{`f:2:1: `}},
		{"no TOML", "path = \"/a\"\nthis is not", []string{`f:2:6: `}},
		{"out of range", "\nloops = -1", []string{`f:2:1: loops: -1 is not between 0 and 1024`}},
		{"several", "a = 1\nb = 2\nloops = \"x\"", []string{"f:1:1: a: ", "f:2:1: b: ", "f:3:1: loops: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantErrors(t, loadErrors(t, loadTOML(c.doc)), c.want...)
		})
	}
}

func FuzzLoadTOML(f *testing.F) {
	f.Fuzz(func(t *testing.T, doc string) {
		loadAnything(t, loadTOML(doc))
	})
}
