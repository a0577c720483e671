package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
)

func TestCandidates(t *testing.T) {
	app := newTestApp()
	var asked []string // prefixes, each with the global flags that were typed before it
	rooms := func(line cmdline.Line, prefix string) []string {
		asked = append(asked, strings.Join(append(line.Globals, prefix), " "))
		return []string{"room624"}
	}
	for _, test := range []struct{ typed, want, asked string }{
		{typed: "", want: ""},
		{typed: "st", want: "status"},
		{typed: "status --wa", want: "--watch"},
		{typed: "--socket /x send ro", want: "room624", asked: "--socket=/x ro"},
		{typed: "send room624 he", want: ""},
		{typed: "send --to ro", want: "room624", asked: "ro"},
		{typed: "send --event ro", want: ""},
		{typed: "send -- --", want: "room624", asked: "--"},
		{typed: "tail a b ro", want: "room624", asked: "ro"},
		{typed: "clients --sort q", want: "queue"},
		{typed: "pki issue c", want: "client"},
		{typed: "token ", want: "mint check"},
		{typed: "loglevel d", want: "debug"},
		{typed: "bench --publish ", want: "classic json"},
		{typed: "statsu ", want: ""},
		{typed: "send --nonsense ro", want: ""},
	} {
		asked = nil
		var typed []string
		if test.typed != "" {
			typed = strings.Split(test.typed, " ")
		}
		got := candidates(app, rooms, typed)
		if !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("%q: got %q, want %s", test.typed, got, test.want)
		}
		if strings.Join(asked, ", ") != test.asked {
			t.Errorf("%q: the daemon is asked for %q, want %q", test.typed, asked, test.asked)
		}
	}
}
