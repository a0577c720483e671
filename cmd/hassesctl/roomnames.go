package main

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

const (
	// completionTimeout is how long a shell waits for the names of rooms without --timeout.
	completionTimeout = time.Second
	// completionRooms is how many of them are worth showing.
	completionRooms = 50
)

// roomNames asks the daemon that the typed flags name. A room can have any name: a shell gets only
// plain ones.
func roomNames(ctx context.Context, s *session.Session, app *cli.App, line cmdline.Line, prefix string) []string {
	line.Command, line.Flags, line.Words = "__rooms", nil, nil
	var names []string
	app.Commands = []*cli.Command{{Name: "__rooms", HideHelp: true, Action: func(c *cli.Context) error {
		if s.Timeout == session.DefaultTimeout {
			s.Timeout = completionTimeout
		}
		rooms, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Rooms, error) {
			return client.Rooms(ctx, api.RoomsParams{Prefix: prefix, Limit: completionRooms})
		})
		for _, r := range rooms.Rooms {
			if isASCIIWord(r.Room) && strings.HasPrefix(r.Room, prefix) {
				names = append(names, r.Room)
			}
		}
		return err
	}}}
	if app.RunContext(ctx, line.Args()) != nil {
		return nil
	}
	return names
}

// isASCIIWord reports whether shells and terminals take s for nothing but text.
func isASCIIWord(s string) bool {
	for _, r := range s {
		if r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-/:@+", r) {
			return false
		}
	}
	return s != "" && s[0] != '-'
}
