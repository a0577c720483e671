package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/dashboard"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/logx"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/supervise"
)

// Options are what Run needs. All fields but Sources, OwnProcess and Env are required.
type Options struct {
	Settings config.Settings
	Reload   func() (config.Settings, error) // reads the same sources again
	Sources  []string                        // the files that Reload reads
	Stderr   io.Writer                       // for the log, unless log_file is set
	Env      []string                        // as from os.Environ: what a service manager hands over

	// OwnProcess states that the process is the daemon's alone. Only then is there a sandbox, which
	// confines every thread for good.
	OwnProcess bool
}

// Daemon is a running hassesd: the list of its parts, each of which owns its own state. It starts
// them in order, reloads them and stops them.
type Daemon struct {
	// Fixed after creation.
	loadSettings func() (config.Settings, error) // from the same sources as at the start
	startedAt    time.Time
	signals      signals

	// Fixed once open.
	log           *slog.Logger
	logs          *logx.Log
	manager       *supervise.Manager
	inherited     supervise.Sockets
	authorization authorizer
	certificates  certificates
	listeners     listeners
	control       control
	operators     operators
	notable       *dashboard.Events    // for the dashboard
	dashboard     *dashboard.Dashboard // nil: there is no listener of operators
	confined      confinement
	tickets       tickets
	history       history
	backend       backend
	loops         []*reactor.Loop
	hub           *hub.Hub
	events        eventlog.Log // the order of all messages
	publisher     *publish.Publisher
	publishing    publishing
	edge          *edge.Server
	memory        *memguard.Guard
	cluster       cluster
	atEnd         closers

	// Safe for concurrent use.
	settings   atomic.Pointer[config.Settings] // those that apply
	reloads    reloadCounts
	rooms      roomCount
	reloading  turn // one reload, or check of files, at a time
	drainBegun atomic.Bool
	isServing  atomic.Bool // browsers can connect
	isEnding   atomic.Bool // the streams are gone, and no reload takes effect any more
	loopFailed chan error
}

func newDaemon(o Options) *Daemon {
	d := &Daemon{
		loadSettings: o.Reload,
		startedAt:    time.Now(),
		signals:      newSignals(),
		manager:      supervise.New(), // until there is one
		confined:     confinement{sources: o.Sources, ownProcess: o.OwnProcess},
		reloading:    newTurn(),
		loopFailed:   make(chan error, 1),
	}
	return d
}

// current returns the settings that apply.
func (d *Daemon) current() *config.Settings { return d.settings.Load() }

// drain stops accepting and ends the streams within the plan's window. A further call can only make
// that shorter. It returns how many streams there were to end, and how long they have.
func (d *Daemon) drain(ctx context.Context, plan edge.DrainPlan) (streams int, left time.Duration, err error) {
	if !d.drainBegun.Swap(true) {
		d.manager.Stopping()
	}
	time.AfterFunc(plan.Window, d.publisher.StopWaiting)
	streams, left, err = d.edge.Drain(ctx, plan)
	if err != nil {
		return 0, 0, fmt.Errorf("drain: %w", err)
	}
	d.log.Info("draining", "streams", streams, "window", left)
	return streams, left, nil
}
