package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/logx"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/supervise"
)

// backend is what the control protocol acts on: the running daemon.
type backend struct {
	// Fixed after creation.
	log          *slog.Logger
	logs         *logx.Log
	settings     func() *config.Settings // those that apply
	startedAt    time.Time
	manager      *supervise.Manager
	listeners    *listeners
	certificates *certificates
	control      *control
	cluster      *cluster
	operators    *operators
	confined     *confinement
	publishing   *publishing
	reload       func(ctx context.Context) (reloaded, error)
	drain        func(ctx context.Context, plan edge.DrainPlan) (streams int, left time.Duration, err error)
	isDraining   func() bool

	// Fixed before anyone is served.
	hub       *hub.Hub
	publisher *publish.Publisher
	edge      *edge.Server
	memory    *memguard.Guard

	commandErrors reasonCounts // safe for concurrent use
}

var _ server.Backend = (*backend)(nil)

// Hello implements server.Backend.
func (b *backend) Hello(context.Context) (api.Hello, error) {
	return api.Hello{
		Name:     "hassesd",
		Version:  Version(),
		Protocol: api.ProtocolVersion,
		URL:      b.subscribeURL(),
		CAPEM:    b.certificates.developmentCA(),
	}, nil
}

func (b *backend) subscribeURL() string {
	return b.listeners.subscribeURL(b.settings(), b.certificates.hostName())
}

// CountCommandError implements server.Backend.
func (b *backend) CountCommandError(reason string) { b.commandErrors.add(reason) }
