package server

import (
	"context"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// ClusterPageBytes bounds a page of the clients of a cluster.
const ClusterPageBytes = listBytes / 2

// Backend is what the control protocol acts on, except for messages: the daemon. Its methods may be
// called from many goroutines, return within the context's deadline, and report refusals as an
// [*api.Error].
type Backend interface {
	// Hello fills everything but the role.
	Hello(ctx context.Context) (api.Hello, error)
	Status(ctx context.Context, p api.StatusParams) (api.Status, error)
	Nodes(ctx context.Context) (api.Nodes, error)
	// Clients returns a page. With p.Cluster, its rows take at most ClusterPageBytes as JSON: only
	// the backend can tell where the next page begins.
	Clients(ctx context.Context, p api.ClientsParams) (api.Clients, error)
	Rooms(ctx context.Context, p api.RoomsParams) (api.Rooms, error)
	Count(ctx context.Context, p api.CountParams) (api.Count, error)
	Kick(ctx context.Context, p api.KickParams) (api.Kicked, error)
	// LogLevel sets the level when it is not empty, and returns the current one.
	LogLevel(ctx context.Context, level string) (string, error)
	// Reinit sets the switch when enabled is not nil, and returns the current one.
	Reinit(ctx context.Context, enabled *bool) (bool, error)
	Reload(ctx context.Context) (api.Reloaded, error)
	Drain(ctx context.Context, p api.DrainParams) (api.Drained, error)
	Certificates(ctx context.Context) (api.Certificates, error)
	Limits(ctx context.Context, p api.LimitsParams) (api.Limits, error)
	Sandbox(ctx context.Context) (api.Sandbox, error)
	// CountCommandError counts a command or a connection that was refused; reason is an
	// [api.Refusal]. It must not block.
	CountCommandError(reason string)
}
