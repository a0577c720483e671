package api

import (
	"time"
)

// Bounds of parameters.
const (
	// MaxRefuse is the longest that "kick" can refuse a selection.
	MaxRefuse = 7 * 24 * time.Hour
	// MaxDrainWindow is the longest that "drain" can take.
	MaxDrainWindow = time.Hour
)

// KickParams selects the streams to end; exactly one of ID, Room and All.
type KickParams struct {
	ID            string  `json:"id,omitempty"`
	Room          string  `json:"room,omitempty"`
	All           bool    `json:"all,omitempty"`
	RefuseSeconds float64 `json:"refuse_seconds,omitempty"` // how long the same selection is refused afterwards
}

// Kicked is the result of "kick".
type Kicked struct {
	Kicked int `json:"kicked"` // at all nodes

	Nodes *NodesAsked `json:"nodes,omitempty"` // in a cluster
}

// LevelParams sets the log level when Level is not empty.
type LevelParams struct {
	Level string `json:"level,omitempty"`
}

// Level is the result of "loglevel".
type Level struct {
	Level string `json:"level"`
}

// ReinitParams sets whether a second request on a stream is allowed, when not nil.
type ReinitParams struct {
	Enabled *bool `json:"enabled,omitempty"`
}

// Reinit is the result of "reinit".
type Reinit struct {
	Enabled bool `json:"enabled"`
}

// Reloaded is the result of "reload".
type Reloaded struct {
	Changed      []string `json:"changed"`                 // keys that were applied
	NeedsRestart []string `json:"needs_restart,omitempty"` // keys that differ and cannot be changed while running
}

// DrainParams are the parameters of "drain". A nil window is the configured one.
type DrainParams struct {
	WindowSeconds *float64 `json:"window_seconds,omitempty"`
}

// Drained is the result of "drain"; the daemon ends when the window is over.
type Drained struct {
	Streams       int     `json:"streams"`
	WindowSeconds float64 `json:"window_seconds"`
}

// WithoutNulls returns r with empty lists and maps where it has none: the protocol promises them.
func (r Reloaded) WithoutNulls() Reloaded {
	if r.Changed == nil {
		r.Changed = []string{}
	}
	return r
}
