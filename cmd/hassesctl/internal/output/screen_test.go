package output

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

func noEnv(string) string { return "" }

func TestPrintfMakesTextVisible(t *testing.T) {
	var b bytes.Buffer
	s := NewScreen(&b, noEnv)
	s.Printf("%s|%s|%d|%s|%s\n", "a\x1b[2J", `\x1B`, 3, errors.New("b\x07 \"\\x1B\""), Message("\x9b \\x9B"))
	if got, want := b.String(), `a\x1B[2J|\x5Cx1B|3|b\x07 "\x1B"|\x9B \x9B`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJSONIsTheSameDocumentAndSafe(t *testing.T) {
	in := map[string]string{"a<b>&": "\x1b\x7f\u009b\u202e\u2066\U000e0041 日本 👩 \n\t\""}
	var b bytes.Buffer
	if err := NewScreen(&b, noEnv).JSON(in); err != nil {
		t.Fatal(err)
	}
	want := `{"a<b>&":"\u001b\u007f\u009b\u202e\u2066\udb40\udc41 日本 👩 \n\t\""}` + "\n"
	if b.String() != want {
		t.Errorf("got  %s\nwant %s", b.String(), want)
	}
	var out map[string]string
	if err := json.Unmarshal(b.Bytes(), &out); err != nil || out["a<b>&"] != in["a<b>&"] {
		t.Errorf("read back %q, %v", out, err)
	}
}

func TestColoursAreForTerminals(t *testing.T) {
	colour := &Screen{colour: true}
	if got, want := colour.Paint(Bold, "x"), "\x1b[1mx\x1b[0m"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, s := range []*Screen{{}, NewScreen(&bytes.Buffer{}, func(string) string { return "xterm" })} {
		if got := s.Paint(Bold, "x"); got != "x" {
			t.Errorf("without colour: %q", got)
		}
	}
}

// brokenPipe takes so many writes, and then no more.
type brokenPipe struct{ writes int }

var errBroken = errors.New("broken pipe")

func (w *brokenPipe) Write(b []byte) (int, error) {
	if w.writes--; w.writes < 0 {
		return 0, errBroken
	}
	return len(b), nil
}

func TestAFailedWriteIsRemembered(t *testing.T) {
	s := NewScreen(&brokenPipe{writes: 1}, noEnv)
	s.Printf("one\n")
	if s.err != nil {
		t.Fatalf("the first write: %v", s.err)
	}
	s.Printf("two\n")
	if err := s.JSON("three"); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}
