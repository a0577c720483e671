package main

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func newTestProgram() *program {
	env := newEnvironment(nil)
	return &program{out: newScreen(io.Discard, env), err: newScreen(io.Discard, env), env: env}
}

func TestArrange(t *testing.T) {
	app := newTestProgram().newApp()
	for _, test := range []struct{ name, in, want string }{
		{"globals first", "--json status --watch", "hassesctl --json status --watch --"},
		{"globals last", "send room hello --json --socket /x", "hassesctl --json --socket=/x send -- room hello"},
		{"between", "send --event e room --timeout=1s hello --to x", "hassesctl --timeout=1s send --event=e --to=x -- room hello"},
		{"one dash", "-json send -event=e room hello", "hassesctl --json send --event=e -- room hello"},
		{"value like a flag", "send --event --json room hello", "hassesctl send --event=--json -- room hello"},
		{"empty value", "send --event= room hello", "hassesctl send --event= -- room hello"},
		{"value with =", "tail --exec=a=b room", "hassesctl tail --exec=a=b -- room"},
		{"standard input", "send room -", "hassesctl send -- room -"},
		{"after the end of flags", "send -- room --json", "hassesctl send -- room --json"},
		{"a second --", "send room -- --", "hassesctl send -- room --"},
		{"-- before the command", "-- send room -x", "hassesctl send -- room -x"},
		{"word like a command", "count send", "hassesctl count -- send"},
	} {
		t.Run(test.name, func(t *testing.T) {
			line, err := arrange(app, strings.Fields(test.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(line.args(), " "); got != test.want {
				t.Errorf("arrange(%s)\n got %s\nwant %s", test.in, got, test.want)
			}
		})
	}
}

// FuzzArrange checks that no word is lost or made up, whatever is typed, and that the result arranges to itself.
func FuzzArrange(f *testing.F) {
	for _, seed := range []string{
		"send\x00room\x00hello\x00--json", "--timeout=3s\x00count\x00--\x00-x", "send\x00--to\x00a\x00--to=b\x00-\x00--event",
		"--help\x00tail", "\x00", "-=\x00--=x",
	} {
		f.Add(seed)
	}
	app := newTestProgram().newApp()
	f.Fuzz(func(t *testing.T, typed string) {
		args := strings.Split(typed, "\x00")
		line, err := arrange(app, args)
		if err != nil || line.command == "" {
			return
		}
		rest := args
		for _, word := range line.words {
			i := slices.Index(rest, word)
			if i < 0 {
				t.Fatalf("%q became %q", args, line.words)
			}
			rest = rest[i+1:]
		}
		again, err := arrange(app, line.args()[1:])
		if err != nil || !slices.Equal(again.args(), line.args()) {
			t.Fatalf("%q became %q, and that %q (%v)", args, line.args(), again.args(), err)
		}
	})
}

func TestHelpIsComplete(t *testing.T) {
	app := newTestProgram().newApp()
	whole := appHelp(app)
	for _, c := range app.Commands {
		if c.Hidden {
			if strings.Contains(whole, c.Name) {
				t.Errorf("%s is hidden, and in the help", c.Name)
			}
			continue
		}
		page := commandHelp(c)
		if !strings.Contains(whole, "  "+c.Name) || c.Usage == "" {
			t.Errorf("%s is not explained", c.Name)
		}
		for _, name := range flagNames(c.Flags) {
			if !strings.Contains(page, "--"+name) {
				t.Errorf("%s does not explain --%s", c.Name, name)
			}
			if flagNamed(app.Flags, name) != nil {
				t.Errorf("%s hides the global flag --%s", c.Name, name)
			}
		}
		for line := range strings.Lines(page + whole) {
			if len(line) > helpWidth+1 {
				t.Errorf("%s: too wide: %s", c.Name, line)
			}
		}
	}
}
