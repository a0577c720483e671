package sse

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// received is an event as a browser dispatches it.
type received struct {
	Type, Data, LastEventID string
}

// decoded is what a browser makes of a whole stream.
type decoded struct {
	Events      []received
	LastEventID string // at the end, also of blocks that dispatch nothing
	Retry       []int  // each accepted reconnection time, in milliseconds
}

// decode reads an event stream by the letter of the HTML standard, sections "Parsing an event
// stream" and "Interpreting an event stream". It shares no code with the encoder.
func decode(stream []byte) decoded {
	var (
		out                   decoded
		data, eventType, idBu strings.Builder
	)
	text := strings.TrimPrefix(decodeUTF8(stream), "\uFEFF")
	for text != "" {
		line, rest, complete := cutLine(text)
		if !complete {
			break // a line without an end, and a block without a blank line, are discarded
		}
		text = rest
		if line == "" {
			out.LastEventID = idBu.String()
			if data.Len() > 0 {
				event := received{Type: "message", Data: strings.TrimSuffix(data.String(), "\n"), LastEventID: out.LastEventID}
				if eventType.Len() > 0 {
					event.Type = eventType.String()
				}
				out.Events = append(out.Events, event)
			}
			data.Reset()
			eventType.Reset()
			continue
		}
		field, value, colon := strings.Cut(line, ":")
		if colon && field == "" {
			continue // a comment
		}
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			eventType.Reset()
			eventType.WriteString(value)
		case "data":
			data.WriteString(value + "\n")
		case "id":
			if !strings.Contains(value, "\x00") {
				idBu.Reset()
				idBu.WriteString(value)
			}
		case "retry":
			if n, err := strconv.Atoi(value); err == nil && strings.Trim(value, "0123456789") == "" {
				out.Retry = append(out.Retry, n)
			}
		}
	}
	return out
}

// cutLine splits after the first CRLF, LF or CR.
func cutLine(s string) (line, rest string, complete bool) {
	for i := range len(s) {
		switch {
		case s[i] == '\r' && i+1 < len(s) && s[i+1] == '\n':
			return s[:i], s[i+2:], true
		case s[i] == '\r' || s[i] == '\n':
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// decodeUTF8 replaces what is not UTF-8.
func decodeUTF8(b []byte) string {
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		s.WriteRune(r)
		b = b[n:]
	}
	return s.String()
}

// asReceived is what data must look like in a browser.
func asReceived(data string) string {
	data = strings.ReplaceAll(data, "\r\n", "\n")
	data = strings.ReplaceAll(data, "\r", "\n")
	return decodeUTF8([]byte(data))
}
