package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/helptext"
)

func newTestApp() *cli.App {
	return newApp(session.New(strings.NewReader(""), io.Discard, io.Discard, nil, "test"))
}

func TestArrange(t *testing.T) {
	app := newTestApp()
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
		{"a key of the command", "send room hello --key K", "hassesctl send --key=K -- room hello"},
		{"a key before the command", "--key F send room hello --key K", "hassesctl --key=F send --key=K -- room hello"},
		{"a certificate takes the first key", "send room hello --cert C --key F --key K", "hassesctl --cert=C --key=F send --key=K -- room hello"},
		{"a certificate with a key", "--cert C --key F send room hello --key K", "hassesctl --cert=C --key=F send --key=K -- room hello"},
		{"word like a command", "count send", "hassesctl count -- send"},
	} {
		t.Run(test.name, func(t *testing.T) {
			line, err := cmdline.Arrange(app, strings.Fields(test.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(line.Args(), " "); got != test.want {
				t.Errorf("arrange(%s)\n got %s\nwant %s", test.in, got, test.want)
			}
		})
	}
}

// FuzzArrange checks that no word is lost or made up, whatever is typed, and that the result
// arranges to itself.
func FuzzArrange(f *testing.F) {
	for _, seed := range []string{
		"send\x00room\x00hello\x00--json", "--timeout=3s\x00count\x00--\x00-x", "send\x00--to\x00a\x00--to=b\x00-\x00--event",
		"--help\x00tail", "\x00", "-=\x00--=x",
	} {
		f.Add(seed)
	}
	app := newTestApp()
	f.Fuzz(func(t *testing.T, typed string) {
		args := strings.Split(typed, "\x00")
		line, err := cmdline.Arrange(app, args)
		if err != nil || line.Command == "" {
			return
		}
		rest := args
		for _, word := range line.Words {
			i := slices.Index(rest, word)
			if i < 0 {
				t.Fatalf("%q became %q", args, line.Words)
			}
			rest = rest[i+1:]
		}
		again, err := cmdline.Arrange(app, line.Args()[1:])
		if err != nil || !slices.Equal(again.Args(), line.Args()) {
			t.Fatalf("%q became %q, and that %q (%v)", args, line.Args(), again.Args(), err)
		}
	})
}

func TestHelpIsComplete(t *testing.T) {
	app := newTestApp()
	whole := cmdline.AppHelp(app)
	for _, c := range app.Commands {
		if c.Hidden {
			if strings.Contains(whole, c.Name) {
				t.Errorf("%s is hidden, and in the help", c.Name)
			}
			continue
		}
		page := cmdline.CommandHelp(c)
		if !strings.Contains(whole, "  "+c.Name) || c.Usage == "" {
			t.Errorf("%s is not explained", c.Name)
		}
		for _, name := range cmdline.FlagNames(c.Flags) {
			if !strings.Contains(page, "--"+name) {
				t.Errorf("%s does not explain --%s", c.Name, name)
			}
			isSendKey := c.Name == "send" && name == "key" // which Arrange tells apart
			if cmdline.FlagNamed(app.Flags, name) != nil && !isSendKey {
				t.Errorf("%s hides the global flag --%s", c.Name, name)
			}
		}
		for line := range strings.Lines(page + whole) {
			if len(line) > helptext.Width+1 {
				t.Errorf("%s: too wide: %s", c.Name, line)
			}
		}
	}
}
