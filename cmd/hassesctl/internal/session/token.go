package session

import (
	"bytes"
	"fmt"
	"os"

	"github.com/hassesd/hassesd/internal/auth"
)

// ReadToken reads a token, or a key, from its file. Commands call it for each connection or request,
// since the token may have been renewed.
func ReadToken(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 || len(text) > auth.MaxToken || bytes.ContainsAny(text, " \t\r\n\x00") {
		return "", fmt.Errorf("%s holds no token", path)
	}
	return string(text), nil
}
