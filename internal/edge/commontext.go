package edge

import "unique"

// commonText is a text that many connections have alike, such as a User-Agent or a server name: it
// is stored once, for as long as it is in use. That saves an object and 8 bytes a stream. The zero
// value is empty.
type commonText struct{ h unique.Handle[string] }

// newCommonText returns a text, which it copies if it is not there yet.
func newCommonText(text string) commonText {
	if text == "" {
		return commonText{}
	}
	return commonText{unique.Make(text)}
}

func (t commonText) String() string {
	if t == (commonText{}) {
		return ""
	}
	return t.h.Value()
}
