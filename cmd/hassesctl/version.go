package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/hassesd/hassesd/internal/admin"
)

// versions is the result of version.
type versions struct {
	Client clientInfo  `json:"client"`
	Daemon *daemonInfo `json:"daemon"` // null when it cannot be reached
}

type clientInfo struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

type daemonInfo struct {
	Version  string     `json:"version"`
	Protocol int        `json:"protocol"`
	Role     admin.Role `json:"role"`
}

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "show the versions of hassesctl and, if it can be reached, of the daemon",
		Description: "Exits with 0 also when the daemon cannot be reached.",
		Action: func(c *cli.Context) error {
			if _, err := words(c, 0, 0); err != nil {
				return err
			}
			v := versions{Client: clientInfo{clientVersion(), runtime.Version()}}
			hello, err := call(c.Context, p, func(ctx context.Context, client *admin.Conn) (admin.Hello, error) {
				return client.Hello(ctx)
			})
			if err == nil {
				v.Daemon = &daemonInfo{hello.Version, hello.Protocol, hello.Role}
			}
			if p.set.json {
				return p.out.json(v)
			}
			p.out.printf("hassesctl %s (%s)\n", v.Client.Version, v.Client.Go)
			if v.Daemon == nil {
				p.err.printf("no daemon: %s\n", explain(err).err)
				return p.out.err
			}
			p.out.printf("hassesd %s (protocol %d, we may: %s)\n", v.Daemon.Version, v.Daemon.Protocol, string(v.Daemon.Role))
			return p.out.err
		},
	}
}

// clientVersion is what the linker set, or what the go command recorded.
func clientVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
