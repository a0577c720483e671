package certs

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// ticketVersion is the version of the text form of [TicketKeys].
const ticketVersion = 1

// ticketLife is how long a key opens tickets. It follows from the rotation, and is needed for keys
// from before a restart.
const ticketLife = ticketKeys * TicketRotation

// TicketKeys are session ticket keys in the form that survives a restart. For the TLS 1.2 sessions
// of a day, they are as sensitive as the private keys, and must not be logged.
type TicketKeys struct {
	of   string // what sessions they are for, see Store.agreement
	keys ticketRing
}

// LogValue hides the keys from logs.
func (k TicketKeys) LogValue() slog.Value { return slog.IntValue(len(k.keys)) }

// String hides the keys from everything else.
func (k TicketKeys) String() string { return fmt.Sprintf("%d keys", len(k.keys)) }

// ticketText is the text form of TicketKeys.
type ticketText struct {
	Version int             `json:"version"`
	For     string          `json:"for"`
	Keys    []ticketKeyText `json:"keys"` // newest first
}

type ticketKeyText struct {
	Made time.Time `json:"made"`
	Key  []byte    `json:"key"`
}

// Encode returns the text form. It must be stored where no other user can read it.
func (k TicketKeys) Encode() []byte {
	text := ticketText{Version: ticketVersion, For: k.of, Keys: []ticketKeyText{}}
	for _, one := range k.keys {
		text.Keys = append(text.Keys, ticketKeyText{one.made.UTC().Round(0), one.key[:]})
	}
	b, err := json.MarshalIndent(text, "", "\t")
	if err != nil {
		panic("certs: internal error: keys and times cannot be JSON: " + err.Error())
	}
	return append(b, '\n')
}

// ParseTicketKeys reads the text form. Its error never quotes the text.
func ParseTicketKeys(b []byte) (TicketKeys, error) {
	var text ticketText
	if err := json.Unmarshal(b, &text); err != nil {
		return TicketKeys{}, errors.New("it is not the JSON of session ticket keys")
	}
	if text.Version != ticketVersion {
		return TicketKeys{}, fmt.Errorf("it is of version %d, and this hassesd knows version %d", text.Version, ticketVersion)
	}
	if text.For == "" || len(text.Keys) == 0 || len(text.Keys) > ticketKeys {
		return TicketKeys{}, fmt.Errorf("it holds %d keys, and should hold 1 to %d and say what for", len(text.Keys), ticketKeys)
	}
	k := TicketKeys{of: text.For}
	for _, one := range text.Keys {
		var key ticketKey
		key.made = one.Made.UTC()
		if len(one.Key) != len(key.key) || allZero(one.Key) || key.made.Year() < 1970 || key.made.Year() > 9999 {
			return TicketKeys{}, errors.New("one of its keys is none, or of no time")
		}
		copy(key.key[:], one.Key)
		k.keys = append(k.keys, key)
	}
	return k, nil
}

func allZero(key []byte) bool {
	return !slices.ContainsFunc(key, func(b byte) bool { return b != 0 })
}
