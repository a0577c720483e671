package logx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/terminaltest"
)

// format is one way a log can look; each is made with the real writer it is meant for.
type format struct {
	name string
	make func(t *testing.T) (log *slog.Logger, written func() string)
}

var formats = []format{
	{"text", func(t *testing.T) (*slog.Logger, func() string) { return inMemory(t, "text") }},
	{"json", func(t *testing.T) (*slog.Logger, func() string) { return inMemory(t, "json") }},
	{"classic", func(t *testing.T) (*slog.Logger, func() string) { return inMemory(t, "classic") }},
	{"auto into memory", func(t *testing.T) (*slog.Logger, func() string) { return inMemory(t, "auto") }},
	{"terminal", func(t *testing.T) (*slog.Logger, func() string) { return onTerminal(t, nil) }},
	{"terminal without colour", func(t *testing.T) (*slog.Logger, func() string) {
		return onTerminal(t, map[string]string{"NO_COLOR": "1"})
	}},
	{"journal", inJournal},
}

func inMemory(t *testing.T, name string) (*slog.Logger, func() string) {
	t.Helper()
	var b bytes.Buffer
	log, handle, err := New(&b, Options{Format: name, Level: "debug", Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	return log, func() string {
		flush(t, handle)
		return b.String()
	}
}

func onTerminal(t *testing.T, env map[string]string) (*slog.Logger, func() string) {
	t.Helper()
	screen, tty := terminaltest.Open(t)
	log, handle, err := New(tty, Options{Format: "auto", Level: "debug", Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	return log, func() string {
		flush(t, handle)
		// Lines end with a mark, so that the end of what was written can be seen.
		if _, err := tty.WriteString("END\n"); err != nil {
			t.Fatal(err)
		}
		var all []byte
		buf := make([]byte, 65536)
		for !bytes.HasSuffix(all, []byte("END\n")) {
			n, err := screen.Read(buf)
			if err != nil {
				t.Fatalf("read the terminal: %v after %q", err, all)
			}
			all = append(all, buf[:n]...)
		}
		return strings.TrimSuffix(string(all), "END\n")
	}
}

func inJournal(t *testing.T) (*slog.Logger, func() string) {
	t.Helper()
	f, stream := journalFile(t)
	log, handle, err := New(f, Options{Format: "auto", Level: "debug", Getenv: func(name string) string {
		if name == "JOURNAL_STREAM" {
			return stream
		}
		return ""
	}})
	if err != nil {
		t.Fatal(err)
	}
	return log, func() string {
		flush(t, handle)
		return readFile(t, f.Name())
	}
}

// journalFile stands in for systemd's socket: what counts is that JOURNAL_STREAM names it.
func journalFile(t *testing.T) (f *os.File, stream string) {
	t.Helper()
	f, err := os.Create(t.TempDir() + "/journal")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	return f, fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

func noEnv(string) string { return "" }

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// hostileTexts are texts that must not reach a terminal or a log parser as they are.
func hostileTexts() []string {
	list := []string{
		"\u202egnp.exe", "\u009b31mred", "\u2066\u2069", "\u2028\u2029", "\ufeff",
		"\x1b[2J\x1b[H", "a\r\nlevel=ERROR msg=forged", `quoted \x1b[31m text`, `"\x1b"`, `\`, "x \x1b[31m y = z",
	}
	for b := range 256 {
		list = append(list, "a b="+string([]byte{byte(b)})+"c")
	}
	return list
}

// valuer resolves to a hostile text only when it is logged.
type valuer string

func (v valuer) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("inner", nested(v)))
}

type nested string

func (n nested) LogValue() slog.Value { return slog.StringValue(string(n)) }

type stringer struct{ s string }

func (s stringer) String() string { return s.s }

type marshaler struct{ s string }

func (m marshaler) MarshalText() ([]byte, error) { return []byte(m.s), nil }
func (m marshaler) MarshalJSON() ([]byte, error) { return json.Marshal(m.s) }

func TestNothingHostileReachesTheLog(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			for _, evil := range hostileTexts() {
				log, written := f.make(t)
				log.Info(evil, //nolint:sloglint // a message that is no constant is what this is about
					"text", evil,
					"err", errors.New(evil),
					"wrapped", fmt.Errorf("read: %w", errors.New(evil)),
					"valuer", valuer(evil),
					"stringer", stringer{evil},
					"marshaler", marshaler{evil},
					"list", []string{evil, evil},
					"bytes", []byte(evil),
					"struct", struct{ Agent string }{evil},
					slog.Group(evil, evil, evil),
				)
				log.With(evil, evil).WithGroup(evil).Warn("with", "text", evil)
				wantClean(t, f.name, evil, written(), 2)
			}
		})
	}
}

// wantClean wants so many lines of printable ASCII; a terminal may have colours of tint's own.
func wantClean(t *testing.T, format, evil, written string, lines int) {
	t.Helper()
	if got := strings.Count(written, "\n"); got != lines {
		t.Errorf("%q became %d lines, not %d:\n%q", evil, got, lines, written)
	}
	text := strings.ReplaceAll(written, "\n", "")
	if format == "terminal" {
		for _, own := range []string{"\x1b[0m", "\x1b[2m", "\x1b[91m", "\x1b[92m", "\x1b[93m"} {
			text = strings.ReplaceAll(text, own, "")
		}
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
		t.Errorf("%q reached the log at byte %d of\n%q", evil, i, text)
	}
}

func TestTerminalGetsColours(t *testing.T) {
	for _, c := range []struct {
		name  string
		env   map[string]string
		plain bool
	}{
		{"colour", nil, false},
		{"NO_COLOR", map[string]string{"NO_COLOR": "1"}, true},
		{"dumb terminal", map[string]string{"TERM": "dumb"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, written := onTerminal(t, c.env)
			log.Warn("listening", "addr", ":8443")
			got := written()
			if strings.Contains(got, "\x1b[") == c.plain {
				t.Errorf("escapes in %q, want none: %v", got, c.plain)
			}
			if !strings.Contains(got, "WRN") || !strings.Contains(got, "listening") {
				t.Errorf("got %q, want tint's WRN and the message", got)
			}
		})
	}
}

func TestTextOnATerminalHasNoColours(t *testing.T) {
	screen, tty := terminaltest.Open(t)
	log, _, err := New(tty, Options{Format: "text", Level: "normal", Getenv: noEnv})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("listening")
	buf := make([]byte, 4096)
	n, err := screen.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(buf[:n]); !strings.Contains(got, "level=INFO msg=listening") {
		t.Errorf("got %q, want slog's text", got)
	}
}

func TestJournalLines(t *testing.T) {
	log, written := inJournal(t)
	log.Debug("a")
	log.Info("b", "time", 5) //nolint:sloglint // even so the value must not be lost
	log.With("conn", 7).Warn("c")
	log.WithGroup("g").Error("d", "x", 1)
	want := "<7>level=DEBUG msg=a\n<6>level=INFO msg=b time=5\n<4>level=WARN msg=c conn=7\n<3>level=ERROR msg=d g.x=1\n"
	if got := written(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestJournalIsOnlyTheNamedStream(t *testing.T) {
	f, _ := journalFile(t)
	for _, stream := range []string{"", "1:1", "nonsense", ":"} {
		if isJournal(f, stream) {
			t.Errorf("JOURNAL_STREAM=%q was taken for another file", stream)
		}
	}
	_, stream := journalFile(t)
	if isJournal(f, stream) {
		t.Error("the stream of another file was taken for this one")
	}
	if isJournal(io.Discard, stream) {
		t.Error("what is no file was taken for the journal")
	}
}

func TestJSONKeepsTypes(t *testing.T) {
	log, written := inMemory(t, "json")
	log.Info("started", "streams", 7, "ok", true, "took", time.Second, "rooms", []string{"a", "b"},
		"peer", netip.MustParseAddrPort("192.0.2.1:5"), "err", errors.New("x"), "nothing", nil, slog.Group("g", "n", 1.5))
	var got map[string]any
	if err := json.Unmarshal([]byte(written()), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "time")
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"err":"x","g":{"n":1.5},"level":"INFO","msg":"started","nothing":null,"ok":true,"peer":"192.0.2.1:5","rooms":["a","b"],"streams":7,"took":1000000000}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

// broken has methods that panic, as those of a nil pointer do.
type broken struct{ text string }

func (b *broken) Error() string { return b.text }

func TestAMethodThatPanicsIsSurvived(t *testing.T) {
	log, written := inMemory(t, "text")
	var nothing *broken
	log.Error("x", "err", nothing)
	if got := written(); !strings.Contains(got, "err=<nil>") {
		t.Errorf("got %q", got)
	}
}
