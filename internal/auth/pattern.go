package auth

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxRoom and maxID are the bounds of rooms and ids that subscribers meet, in bytes.
const (
	maxRoom = 256
	maxID   = 64
)

// Pattern is the rooms that a grant covers: one ("room1"), those that begin so ("news*"), or every room ("*"), with the
// right to ask for all at once.
type Pattern string

// Everything is the pattern of every room.
const Everything Pattern = "*"

// ParsePattern reads a pattern. A star stands at its end only.
func ParsePattern(text string) (Pattern, error) {
	name := strings.TrimSuffix(text, "*")
	switch {
	case text == "":
		return "", errors.New("a room's name is not empty")
	case strings.ContainsAny(name, ";=*"):
		return "", fmt.Errorf("%q has one of ; = * where none can be", text)
	case len(name) > maxRoom:
		return "", fmt.Errorf("a room's name has at most %d bytes", maxRoom)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", fmt.Errorf("%q is not UTF-8 without control characters", text)
	}
	return Pattern(text), nil
}

// Covers says whether the room is one of the pattern's.
func (p Pattern) Covers(room string) bool {
	if prefix, ok := strings.CutSuffix(string(p), "*"); ok {
		return strings.HasPrefix(room, prefix)
	}
	return room == string(p)
}

// parsePatterns reads a list of patterns.
func parsePatterns(texts []string) ([]Pattern, error) {
	patterns := make([]Pattern, 0, len(texts))
	for _, text := range texts {
		p, err := ParsePattern(text)
		if err != nil {
			return nil, err
		}
		patterns = append(patterns, p)
	}
	return patterns, nil
}

// checkID says whether id can be a client's.
func checkID(id string) error {
	if len(id) > maxID || !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl) {
		return fmt.Errorf("an id is at most %d bytes of UTF-8 without control characters", maxID)
	}
	return nil
}
