package top

import "unicode/utf8"

// key is one key that was pressed.
type key struct {
	kind keyKind
	text rune // of keyText
}

type keyKind uint8

const (
	keyText keyKind = iota // a character
	keyEnter
	keyEscape
	keyErase   // Backspace
	keyClear   // Ctrl-U
	keyQuit    // Ctrl-C
	keySuspend // Ctrl-Z
	keyRedraw  // Ctrl-L
	keyOther   // one that has no meaning here
)

// escapeWait is how long, in milliseconds, the rest of a key's sequence may be in coming before the
// Escape that begins it is the key Escape.
const escapeWait = 50

// maxSequence is longer than any sequence that a key sends.
const maxSequence = 32

// keyParser turns what a terminal sends into keys. It holds the beginning of a sequence or of a
// character at most.
type keyParser struct{ begun []byte }

// isWaiting reports whether a sequence has begun that may be the key Escape.
func (p *keyParser) isWaiting() bool { return len(p.begun) > 0 }

// timeout ends what has begun: an Escape that nothing followed is the key.
func (p *keyParser) timeout() []key {
	wasEscape := string(p.begun) == "\x1b"
	p.begun = nil
	if wasEscape {
		return []key{{kind: keyEscape}}
	}
	return nil
}

// feed returns the keys that are complete.
func (p *keyParser) feed(b []byte) []key {
	p.begun = append(p.begun, b...)
	var keys []key
	for len(p.begun) > 0 {
		one, size := parseKey(p.begun)
		if size == 0 {
			if len(p.begun) < maxSequence {
				break
			}
			one, size = key{kind: keyOther}, len(p.begun)
		}
		keys = append(keys, one)
		p.begun = p.begun[size:]
	}
	return keys
}

// parseKey returns the first key and its length; 0 if it is not complete.
func parseKey(b []byte) (key, int) {
	switch b[0] {
	case '\r', '\n':
		return key{kind: keyEnter}, 1
	case 0x7f, 0x08:
		return key{kind: keyErase}, 1
	case 0x15:
		return key{kind: keyClear}, 1
	case 0x03:
		return key{kind: keyQuit}, 1
	case 0x1a:
		return key{kind: keySuspend}, 1
	case 0x0c:
		return key{kind: keyRedraw}, 1
	case 0x1b:
		return parseSequence(b)
	}
	if b[0] < ' ' {
		return key{kind: keyOther}, 1
	}
	if !utf8.FullRune(b) {
		return key{}, 0
	}
	r, size := utf8.DecodeRune(b)
	if r == utf8.RuneError && size == 1 {
		return key{kind: keyOther}, 1
	}
	return key{kind: keyText, text: r}, size
}

// parseSequence skips what a function key sends: CSI with its parameters (ECMA-48, section 5.4), SS3
// with one character, or Escape before another key.
func parseSequence(b []byte) (key, int) {
	switch {
	case len(b) == 1:
		return key{}, 0
	case b[1] == 0x1b:
		return key{kind: keyEscape}, 1
	case b[1] == 'O' && len(b) == 2:
		return key{}, 0
	case b[1] == 'O':
		return key{kind: keyOther}, 3
	case b[1] != '[':
		return key{kind: keyOther}, 2
	}
	for i := 2; i < len(b); i++ {
		if b[i] >= 0x40 && b[i] <= 0x7e {
			return key{kind: keyOther}, i + 1
		}
	}
	return key{}, 0
}
