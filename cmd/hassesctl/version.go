package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/cmdline"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
)

// version is set by the linker.
var version string

// versions is the --json document of version.
type versions struct {
	Client clientInfo  `json:"client"`
	Daemon *daemonInfo `json:"daemon"` // null when it cannot be reached
}

type clientInfo struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

type daemonInfo struct {
	Version  string   `json:"version"`
	Protocol int      `json:"protocol"`
	Role     api.Role `json:"role"`
}

// versionCommand returns the command version.
func versionCommand(s *session.Session) *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "show the versions of hassesctl and, if it can be reached, of the daemon",
		Description: "Exits with 0 even if the daemon cannot be reached.",
		Action: func(c *cli.Context) error {
			if _, err := cmdline.Words(c, 0, 0); err != nil {
				return err
			}
			v := versions{Client: clientInfo{s.Version, runtime.Version()}}
			hello, err := session.Call(c.Context, s, func(ctx context.Context, client *client.Conn) (api.Hello, error) {
				return client.Hello(ctx)
			})
			if err == nil {
				v.Daemon = &daemonInfo{hello.Version, hello.Protocol, hello.Role}
			}
			if s.JSON {
				return s.Out.JSON(v)
			}
			s.Out.Printf("hassesctl %s (%s)\n", v.Client.Version, v.Client.Go)
			if v.Daemon == nil {
				s.Err.Printf("no daemon: %s\n", explain(err).Err)
				return s.Out.Err()
			}
			s.Out.Printf("hassesd %s (protocol %d, we may: %s)\n", v.Daemon.Version, v.Daemon.Protocol, string(v.Daemon.Role))
			return s.Out.Err()
		},
	}
}

// clientVersion returns what the linker set, or what the go command recorded.
func clientVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
