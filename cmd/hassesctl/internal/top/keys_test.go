package top

import (
	"reflect"
	"testing"
)

func text(s string) []key {
	var keys []key
	for _, r := range s {
		keys = append(keys, key{kind: keyText, text: r})
	}
	return keys
}

// TestKeys feeds what terminals send, whole and cut at each byte.
func TestKeys(t *testing.T) {
	t.Parallel()
	one := func(k keyKind) []key { return []key{{kind: k}} }
	for _, tt := range []struct {
		in   string
		want []key
	}{
		{"", nil},
		{"q", text("q")},
		{"größe", text("größe")},
		{"\r", one(keyEnter)},
		{"\x7f", one(keyErase)},
		{"\x15", one(keyClear)},
		{"\x03", one(keyQuit)},
		{"\x1a", one(keySuspend)},
		{"\x0c", one(keyRedraw)},
		{"\x01", one(keyOther)},
		{"\x1b[Aq", append(one(keyOther), text("q")...)},     // up
		{"\x1b[15;5~q", append(one(keyOther), text("q")...)}, // Ctrl-F5
		{"\x1bOPq", append(one(keyOther), text("q")...)},     // F1
		{"\x1bxq", append(one(keyOther), text("q")...)},      // Alt-x
		{"\x1b\x1b[Aq", append([]key{{kind: keyEscape}, {kind: keyOther}}, text("q")...)},
		{"\xffq", append(one(keyOther), text("q")...)},
	} {
		for cut := 0; cut <= len(tt.in); cut++ {
			var p keyParser
			got := append(p.feed([]byte(tt.in[:cut])), p.feed([]byte(tt.in[cut:]))...)
			if !reflect.DeepEqual(got, tt.want) || p.isWaiting() {
				t.Errorf("%q cut at %d: got %v, want %v", tt.in, cut, got, tt.want)
			}
		}
	}
}

func TestEscapeIsAKeyWhenNothingFollows(t *testing.T) {
	t.Parallel()
	var p keyParser
	if got := p.feed([]byte("\x1b")); got != nil || !p.isWaiting() {
		t.Fatalf("got %v, want to wait", got)
	}
	if got := p.timeout(); !reflect.DeepEqual(got, []key{{kind: keyEscape}}) || p.isWaiting() {
		t.Errorf("got %v", got)
	}
	p.feed([]byte("\x1b["))
	if got := p.timeout(); got != nil || p.isWaiting() {
		t.Errorf("half a sequence: got %v", got)
	}
}

// FuzzKeys checks that no input makes the parser hold more than it may, or wait for ever.
func FuzzKeys(f *testing.F) {
	for _, seed := range []string{"q", "\x1b[A", "\x1b[1;", "\x1b\x1b\x1bO", "\xe6\x97", "\x1b[\x1b[\x1b["} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var p keyParser
		for i := range in {
			p.feed(in[i : i+1])
			if len(p.begun) > maxSequence {
				t.Fatalf("it holds %d bytes", len(p.begun))
			}
		}
		if p.timeout(); p.isWaiting() {
			t.Fatal("it waits after the timeout")
		}
	})
}
