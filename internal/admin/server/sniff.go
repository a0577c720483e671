package server

import (
	"bytes"
	"slices"
)

// form is what the first bytes of a control connection show it to be.
type form uint8

const (
	formUnknown form = iota // more bytes are needed
	formClassic
	formJSON
	formHTTP // a browser, made by some page to talk to this port
	formTLS
)

// httpVerbs are the methods that a browser sends without asking the server first, and their
// relatives.
var httpVerbs = []string{"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE"}

// Bounds of what may still be an HTTP request line: beyond, it is classic.
const (
	maxMethod      = 20
	maxRequestLine = 8 << 10
)

// sniff returns what a connection that begins with head is. It decides as early as it can: a
// classic command waits only while it could still be the start of an HTTP request line. over means
// that nothing follows for now: a pause, or the end.
//
// HTTP is known by a verb before a space or the end of the line (GET=hello is a message to the room
// GET), and by a first line that reads "word target HTTP/version".
func sniff(head []byte, over bool) form {
	if len(head) == 0 {
		return formUnknown
	}
	switch head[0] {
	case '{':
		return formJSON
	case recordHandshake: // no room begins with a control character
		return formTLS
	}
	line, ended := head, false
	if i := bytes.IndexByte(head, '\n'); i >= 0 {
		line, ended = bytes.TrimSuffix(head[:i], []byte("\r")), true
	}
	n := bytes.IndexFunc(line, func(r rune) bool { return !isLetter(r) })
	if n < 0 {
		return sniffWord(line, ended, over)
	}
	method, rest := line[:n], line[n:]
	isVerb := slices.Contains(httpVerbs, string(method))
	switch {
	case rest[0] == '\r' && isVerb:
		return formHTTP
	case rest[0] != ' ' || n == 0 || n > maxMethod:
		return formClassic
	case isVerb:
		return formHTTP
	}
	return sniffTarget(rest[1:], ended, over || len(line) > maxRequestLine)
}

// sniffWord looks at a first line that is letters only so far. The begin of a verb before a pause
// is not given a second chance: as a command it would be an error, and what follows could be
// headers that read like messages.
func sniffWord(word []byte, ended, over bool) form {
	switch {
	case ended && slices.Contains(httpVerbs, string(word)):
		return formHTTP
	case ended, len(word) > maxMethod:
		return formClassic
	case over && slices.ContainsFunc(httpVerbs, func(v string) bool { return bytes.HasPrefix([]byte(v), word) }):
		return formHTTP
	case over:
		return formClassic
	}
	return formUnknown
}

// sniffTarget looks at what follows "word " on the first line: HTTP has a target, a version, and
// nothing else.
func sniffTarget(rest []byte, ended, over bool) form {
	_, version, found := bytes.Cut(rest, []byte(" "))
	switch {
	case found && !mayBeVersion(version):
		return formClassic
	case found && len(version) > len(httpVersion) && (ended || over):
		return formHTTP
	case ended, over:
		return formClassic
	}
	return formUnknown
}

const httpVersion = "HTTP/"

// mayBeVersion reports whether v is, or begins like, "HTTP/" with digits and dots behind it, and
// perhaps a CR.
func mayBeVersion(v []byte) bool {
	if len(v) <= len(httpVersion) {
		return bytes.HasPrefix([]byte(httpVersion), v)
	}
	number, ok := bytes.CutPrefix(v, []byte(httpVersion))
	return ok && len(bytes.Trim(bytes.TrimSuffix(number, []byte("\r")), "0123456789.")) == 0
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
