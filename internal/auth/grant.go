package auth

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/safetext"
)

// Source is where in a request the credentials were.
type Source uint8

// The sources.
const (
	FromURL    Source = iota + 1 // the URL is signed
	FromHeader                   // Authorization: Bearer
	FromQuery                    // ?token=
	FromCookie                   // browsers send it whatever page makes the request
)

// Grant is what a token or a signed URL allows.
type Grant struct {
	Rooms   []names.Target // may be subscribed to
	Publish []names.Target // may be published to
	ID      string         // the stream's id; empty: the client may choose
	Opens   time.Time      // latest time at which streams may be opened
	Until   time.Time      // when streams end; zero: never
	Address netip.Prefix   // the only addresses that may use it; not valid: any address
	From    Source
}

// FirstRefused returns the first of the rooms that the grant does not cover, if any. With all, the
// request is for every room, "*".
func (g *Grant) FirstRefused(rooms []string, all bool) (room string, refused bool) {
	if slices.Contains(g.Rooms, names.Everything) {
		return "", false
	}
	if all {
		return names.Everything.String(), true
	}
	for _, room := range rooms {
		if !g.covers(room) {
			return room, true
		}
	}
	return "", false
}

func (g *Grant) covers(room string) bool {
	return slices.ContainsFunc(g.Rooms, func(t names.Target) bool { return t.Has(room) })
}

// check returns a [Denial] unless address may open a stream at now.
func (g *Grant) check(address netip.Addr, now time.Time) error {
	switch {
	case !now.Before(g.Opens), !g.Until.IsZero() && !now.Before(g.Until):
		return Expired
	case g.Address.IsValid() && !g.Address.Contains(address.Unmap().WithZone("")):
		return WrongAddress
	}
	return nil
}

// parseTargets reads a list of targets such as "room1", "news*" and "*".
func parseTargets(texts []string) ([]names.Target, error) {
	targets := make([]names.Target, 0, len(texts))
	for _, text := range texts {
		t, err := names.ParseTarget(text)
		if err != nil {
			return nil, fmt.Errorf("the room %s %w", safetext.Quote(text), err)
		}
		targets = append(targets, t)
	}
	return targets, nil
}
