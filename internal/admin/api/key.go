package api

import (
	"strings"

	"github.com/hassesd/hassesd/internal/names"
)

// Bounds of a control key, in bytes. A short one could be guessed.
const (
	MinKey = 16
	MaxKey = 256
)

// CheckKey returns a *names.Fault unless text may be a key: letters, digits and - _ . ~ + /. A key
// has no =, which would make a message of the classic command that shows it.
func CheckKey(text string) error {
	if text == "" {
		return &names.Fault{At: 0, Reason: "the key is missing"}
	}
	for i, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.~+/", r) {
			return &names.Fault{At: i, Reason: "no character of a key"}
		}
	}
	if len(text) > MaxKey {
		return &names.Fault{At: MaxKey, Reason: "the key is longer than 256 bytes"}
	}
	return nil
}
