package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/logx"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/reactor"
	"github.com/hassesd/hassesd/internal/state"
	"github.com/hassesd/hassesd/internal/supervise"
)

// Options are what Run needs. All fields are needed, but Sources, OwnProcess and Env.
type Options struct {
	Settings config.Settings
	Reload   func() (config.Settings, error) // reads the same sources again
	Sources  []string                        // the files that Reload reads
	Stderr   io.Writer                       // for the log, unless log_file is set
	Env      []string                        // as os.Environ gives it: what a service manager says; may be nil

	// OwnProcess says that the process is the daemon's alone. Only then is there a sandbox, which is for every thread and
	// for good.
	OwnProcess bool
}

// ErrConfiguration marks errors that only a change of the configuration can mend: a certificate that is missing or does
// not fit, a user that does not exist.
var ErrConfiguration = errors.New("configuration error")

// configurationError is ErrConfiguration with its reason as the text.
type configurationError struct{ err error }

func (e *configurationError) Error() string        { return e.err.Error() }
func (e *configurationError) Unwrap() error        { return e.err }
func (e *configurationError) Is(target error) bool { return target == ErrConfiguration }

// Daemon is the parts of a running hassesd.
type Daemon struct {
	// Fixed once open.
	log              *slog.Logger
	manager          *supervise.Manager
	logs             *logx.Log
	reloadFrom       func() (config.Settings, error)
	sources          []string // the files that reloadFrom reads
	ownProcess       bool     // nobody else's
	signals          signals
	startedAt        time.Time
	user             string            // who we are, empty for nobody known
	certs            *certs.Store      // nil without TLS
	files            *certs.Keeper     // of certs; used while reloading is held
	acme             *acmecert.Manager // nil: none
	doors            []edge.Door
	control          *admin.Server
	ways             []api.Endpoint   // into control
	controlAdmission *admission.Table // of its TLS door
	hub              *hub.Hub
	publisher        *publish.Publisher
	loops            []*reactor.Loop
	edge             *edge.Server
	memory           *memguard.Guard
	found            memguard.Budget   // where limits.memory is not set
	inherited        supervise.Sockets // from the service manager
	fromUnit         map[int]bool      // descriptors of doors that a socket unit has given
	stateDir         *state.Dir        // nil: nothing outlives a restart, but perhaps the history
	history          keptHistory
	confined         confinement
	cleanups         []cleanup // what open has to give back, last first

	// Owned by Run's goroutine.
	doorsServed bool // the edge owns the listeners

	// Safe by themselves.
	settings      atomic.Pointer[config.Settings] // in force
	commandErrors reasonCounts
	reloading     turn                        // one reload at a time, or look at files
	nextLook      atomic.Int64                // when the certificates' files are looked at again, in nanoseconds since 1970; 0: never
	controlPort   atomic.Pointer[controlPort] // under TLS; nil: plain TCP, or no port

	// Guarded by reloading.
	authorization *authorization
	controlFiles  *certs.Watch  // of the control port; nil: as above
	rights        *admin.Rights // of the control doors, in force
	isShared      bool          // every user of this machine may connect to the control socket

	// The end.
	drainBegun atomic.Bool
	isEnding   atomic.Bool // the streams are gone: nothing is put in force any more
	loopFailed chan error
}

// Run starts the daemon and serves until a signal or a drain ends it. It returns nil after a proper end.
func Run(ctx context.Context, o Options) error { return newDaemon(o).run(ctx, o) }

func newDaemon(o Options) *Daemon {
	return &Daemon{
		reloadFrom: o.Reload,
		sources:    o.Sources,
		ownProcess: o.OwnProcess,
		startedAt:  time.Now(),
		reloading:  newTurn(),
		signals:    newSignals(),
		manager:    supervise.New(), // nobody, until there is one
		loopFailed: make(chan error, 1),
	}
}

func (d *Daemon) run(ctx context.Context, o Options) error {
	d.signals.catchReloads()
	defer d.signals.release() // last of all: no signal is to cut short what close does
	defer d.close()
	err := d.meetManager(o.Env)
	if err == nil {
		err = d.open(ctx, o)
	}
	if err != nil {
		d.manager.Failed(err)
		return err
	}
	return d.serve(ctx)
}

// meetManager takes what the service manager hands over. It comes first, so that the manager can be told of a start that
// fails.
func (d *Daemon) meetManager(env []string) error {
	manager, sockets, err := supervise.Meet(env, os.Getpid())
	if manager != nil {
		d.manager, d.inherited = manager, sockets
		d.atClose(func() { _ = manager.Close() })
		d.atClose(sockets.Close)
	}
	return asConfiguration(err)
}

// close gives back what open took, in the opposite order. What hangs is left where it is: the process ends.
func (d *Daemon) close() {
	for i := len(d.cleanups) - 1; i >= 0; i-- {
		c := d.cleanups[i]
		_ = within(c.limit, func() error { c.do(); return nil })
	}
	d.cleanups = nil
}

// cleanup is a step of the very end.
type cleanup struct {
	limit time.Duration
	do    func()
}

func (d *Daemon) atClose(f func()) { d.cleanups = append(d.cleanups, cleanup{cleanupTimeout, f}) }

// drain stops accepting and ends the streams within the plan's window. Called again, it can only make that shorter; each call
// answers how many streams there were to be ended and how long they have.
func (d *Daemon) drain(ctx context.Context, plan edge.DrainPlan) (streams int, left time.Duration, err error) {
	if !d.drainBegun.Swap(true) {
		d.manager.Stopping()
	}
	streams, left, err = d.edge.Drain(ctx, plan)
	if err != nil {
		return 0, 0, fmt.Errorf("drain: %w", err)
	}
	d.log.Info("draining", "streams", streams, "window", left)
	return streams, left, nil
}

func (d *Daemon) draining() bool { return d.drainBegun.Load() }
