package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/api"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/dashboard"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/eventlog/memory"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/logx"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/reactor"
)

// open makes every part, in the order that privileges need: what only root can do comes first.
func (d *Daemon) open(ctx context.Context, o Options) error {
	s := o.Settings
	r, err := readForStart(&s)
	if err != nil {
		return err
	}
	d.settings.Store(&s)
	if err := d.openLog(&s, o); err != nil {
		return err
	}
	d.wire()
	if err := d.certificates.open(&s, r.certificates, r.now); err != nil {
		return err
	}
	d.authorization.use(&s, r.authorization)
	if r.acme != nil {
		if err := prepareACME(&s, r.identity); err != nil {
			return err
		}
	}
	descriptors, err := descriptorLimit()
	if err != nil {
		return err
	}
	// The runtime's own poller must exist before descriptors can run out: the runtime dies if it
	// cannot make one.
	if err := reactor.InitRuntimePoller(); err != nil {
		return fmt.Errorf("prepare the runtime's poller: %w", err)
	}
	if err := d.openListeners(ctx, &s, r.listenGID); err != nil {
		return err
	}
	if err := d.openControl(r, descriptors); err != nil {
		return err
	}
	d.atEnd.add(d.operators.close)
	if err := d.operators.open(&s, r.control.unixGID); err != nil {
		return err
	}
	if err := writePIDFile(s.PIDFile, d.log, &d.atEnd); err != nil {
		return err
	}
	dirs, err := openState(&s, r.identity, d.log, &d.atEnd)
	if err != nil {
		return err
	}
	budget := memguard.FindBudget(os.DirFS("/")) // while the files can be seen
	if err := d.confined.dropPrivileges(&s, r.identity, d.logs, &d.atEnd); err != nil {
		return err
	}
	if err := d.certificates.openACME(r.acme); err != nil {
		return err
	}
	if err := d.openLoops(); err != nil {
		return err
	}
	d.memory = memguard.New(memguard.Options{
		Logger: d.log,
		Meter:  memguard.NewRuntimeMeter(),
		Found:  budget,
		Limits: func() memguard.Limits { return options.Memory(d.current()) },
	})
	d.tickets = tickets{log: d.log, store: d.certificates.store, dir: dirs.own}
	d.tickets.restore()
	d.publishing.openKeys(d.current, d.memory)
	d.openHub(r.hub, dirs)
	d.publisher = publish.New(publish.Options{
		Log:    d.events,
		Now:    time.Now,
		Limits: func() publish.Limits { return options.Publish(d.current()) },
		Keys:   d.publishing.keys,
	})
	d.publishing.use(&s, r.authorization.tokens, r.control.rights)
	d.publishing.open(d.current, d.memory, d.publisher, func(r *http.Request) { d.operators.server.RecordWrong(r) })
	d.atEnd.add(d.publishing.stop)
	d.openEdge(descriptors)
	d.cluster.serve(d.edge)
	d.memory.Protect(memoryTarget{d.hub, d.edge}, time.Now())
	d.backend.hub, d.backend.publisher, d.backend.edge, d.backend.memory = d.hub, d.publisher, d.edge, d.memory
	if err := d.makeOperators(descriptors); err != nil {
		return err
	}
	toTry := welcome(&s, d.backend.subscribeURL(), slices.Concat(d.control.endpoints, d.operators.endpoints()))
	if err := d.confined.enter(&s); err != nil {
		return err
	}
	d.warnOfUnreadable()
	if toTry != "" {
		go func() { _, _ = io.WriteString(o.Stderr, toTry) }() // perhaps nobody reads it, and the start must not wait
	}
	return nil
}

// wire gives the parts what they need of each other. The log is open.
func (d *Daemon) wire() {
	d.confined.log = d.log
	d.authorization.log = d.log
	d.certificates.log, d.certificates.settings = d.log, d.current
	d.certificates.explain, d.certificates.changing = d.confined.explain, d.reloading
	d.listeners.log, d.listeners.manager, d.listeners.inherited = d.log, d.manager, d.inherited
	d.control.log, d.control.settings = d.log, d.current
	d.control.manager, d.control.inherited, d.control.changing = d.manager, d.inherited, d.reloading
	d.operators.log, d.operators.manager, d.operators.inherited = d.log, d.manager, d.inherited
	d.history.log, d.history.manager = d.log, d.manager
	d.cluster.log, d.cluster.settings = d.log, d.current
	d.backend.log, d.backend.logs, d.backend.settings, d.backend.startedAt = d.log, d.logs, d.current, d.startedAt
	d.backend.manager, d.backend.listeners, d.backend.certificates = d.manager, &d.listeners, &d.certificates
	d.backend.cluster = &d.cluster
	d.cluster.hello, d.cluster.answer = d.backend.hello, d.backend.answerNode
	d.backend.control, d.backend.operators, d.backend.confined, d.backend.publishing = &d.control, &d.operators, &d.confined, &d.publishing
	d.backend.reload, d.backend.drain, d.backend.isDraining = d.reload, d.drain, d.drainBegun.Load
}

func (d *Daemon) openLog(s *config.Settings, o Options) error {
	logOptions := logx.Options{Format: s.LogFormat, Level: s.LogLevel}
	var err error
	if s.LogFile == "" {
		d.log, d.logs, err = logx.New(o.Stderr, logOptions)
	} else {
		d.log, d.logs, err = logx.Open(s.LogFile, logOptions)
	}
	if err != nil {
		return &configurationError{fmt.Errorf("open log: %w", err)}
	}
	d.atEnd.add(func() { _ = d.logs.Close() })
	d.notable = dashboard.NewEvents()
	d.log = slog.New(d.notable.Handler(d.log.Handler()))
	d.manager.LogTo(d.log)
	d.log.Info("starting", "version", Version(), "compiled", Compiled())
	for _, unknown := range config.UnknownVariables(o.Env) {
		d.log.Warn("a variable of the environment has no effect", "variable", unknown.Source, "err", unknown)
	}
	if s.Dev && s.Auth.Has(config.AuthNone) {
		d.log.Warn("development mode: nobody is asked who they are, and the certificate is made up")
	}
	warnOfHassesOrigins(d.log, s)
	logTrustedProxies(d.log, s)
	return nil
}

func (d *Daemon) openListeners(ctx context.Context, s *config.Settings, gid int) error {
	d.listeners.hasTLS, d.listeners.gid = d.certificates.store != nil, gid
	d.atEnd.add(d.listeners.close)
	return d.listeners.open(ctx, s)
}

func (d *Daemon) openControl(r *reading, descriptors int) error {
	d.atEnd.add(d.control.close)
	return d.control.open(r.settings, r.control, server.Options{
		Backend:   &d.backend,
		Publisher: server.Through(func() *publish.Publisher { return d.publisher }),
		Answers:   d.logs.Always(),
		LineBytes: func() int64 { return d.memory.CommandBytes(options.CommandBytes(d.current())) },
		// Nobody is served before the edge is there.
		HandshakeSlot:      func(ctx context.Context) (func(), error) { return d.edge.HandshakeSlot(ctx) },
		HandshakesUnderway: func(change int64) { d.edge.HandshakesUnderway(change) },
	}, descriptors, r.now)
}

// makeOperators makes the server of api.listen, if that is open, with what others serve there.
func (d *Daemon) makeOperators(descriptors int) error {
	if d.operators.listener == nil {
		return nil
	}
	sendPath := ""
	if s := d.current(); s.Dev {
		sendPath = s.Path
	}
	d.dashboard = dashboard.New(dashboard.Options{Figures: d.figures, Backend: &d.backend, Events: d.notable, Now: time.Now, Path: sendPath})
	return d.operators.make(api.Options{
		Connections:   options.ControlConnections(d.current(), descriptors),
		HandshakeSlot: d.edge.HandshakeSlot,
		FindKey:       d.control.findKey,
		Now:           time.Now,
		Health:        api.Health{Live: d.live, Ready: d.ready},
		Routes:        d.routes(),
	}, &d.certificates)
}

// routes returns what is served at api.listen besides health checks.
func (d *Daemon) routes() []api.Route {
	routes := []api.Route{
		api.Metrics(d.figures, d.operators.process, memguard.NewTidier(time.Now).Tidy, d.log),
		{Path: d.current().Path, Methods: []string{http.MethodPost}, Access: api.Own, IsLong: true, Handler: d.publishing.api},
	}
	if d.current().API.Pprof {
		routes = append(routes, api.Profiles(time.Now))
	}
	return append(routes, d.dashboard.Routes()...)
}

func (d *Daemon) openLoops() error {
	n := d.current().Loops
	if n <= 0 {
		n = runtime.NumCPU()
	}
	for range n {
		loop, err := reactor.New(reactor.Options{Logger: d.log, Contended: func() bool { return d.edge.Handshaking() }})
		if err != nil {
			return fmt.Errorf("make an event loop: %w", err)
		}
		d.loops = append(d.loops, loop)
	}
	return nil
}

// openHub makes the hub, which goes on where the one before ended if its history was kept and is
// whole, and the log that it follows.
func (d *Daemon) openHub(o hub.Options, dirs stateDirs) {
	s := d.current()
	o.Starved = d.memory.Starve
	budget := d.memory.BudgetOf(s.Limits.Memory)
	if options.FitHub(&o, budget, len(d.loops)) {
		d.log.Warn("history.bytes is over a quarter of the memory there is; a quarter it is",
			"asked", s.History.Bytes, "allowed", o.History.Bytes, "budget", budget.Bytes, "from", budget.From)
	}
	if options.IsClustered(s) {
		o.Epoch, o.IsShared = newEpoch(d.startedAt), true
		d.hub = hub.New(o)
		d.events = d.cluster.open(s, randomSeed())
		d.events.Follow(d.hub)
		return
	}
	d.history.dir, d.history.name, d.history.keys = dirs.history, dirs.historyName, d.publishing.keys
	if d.hub = d.history.restore(o, time.Now(), d.signals.catchEnds); d.hub == nil {
		o.Epoch = newEpoch(d.startedAt)
		d.hub = hub.New(o)
	}
	d.events = memory.New(memory.Options{Last: d.hub.LastID(), Now: time.Now})
	d.events.Follow(d.hub)
	d.atEnd.addWithin(2*keepTimeout, func() { d.history.keep(d.events, d.hub) }) // unless it was kept, or lost, before
}

func (d *Daemon) openEdge(descriptors int) {
	s := d.current()
	o := edge.Options{
		Loops:            d.loops,
		Hub:              d.hub,
		Logger:           d.log,
		Config:           options.Edge(s, d.authorization.current.policy),
		Reinit:           s.Reinit,
		Seed:             randomSeed(),
		Clock:            time.Now,
		DescriptorLimit:  descriptors,
		OtherDescriptors: options.OtherDescriptors(s),
		Publish:          d.publishing.http,
	}
	if d.certificates.store != nil {
		o.TLS = d.certificates.store.Config
	}
	if d.certificates.acme != nil {
		o.Challenge = d.certificates.acme.Answers().Lookup
	}
	d.edge = edge.New(o)
	if asked := s.Limits.Connections; asked > 0 && asked > d.edge.ConnectionLimit() {
		d.log.Warn("limits.connections is over what the descriptor limit allows",
			"limit", asked, "allowed", d.edge.ConnectionLimit(), "descriptors", descriptors)
	}
}

// warnOfUnreadable warns now of what would otherwise come out in some weeks: that a renewed file
// cannot be read. All rights have been given up; even a daemon that stays root cannot read the
// files of others.
func (d *Daemon) warnOfUnreadable() {
	for _, path := range d.confined.sources {
		if f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil { // it may be a pipe
			d.log.Warn("configuration cannot be read any more with the rights that the daemon has left, so that every reload fails; give the file to its group, with mode 0640", "file", path, "err", err)
		} else {
			_ = f.Close()
		}
	}
	d.authorization.warnOfUnreadable()
	d.control.warnOfUnreadable()
	for _, path := range slices.Concat(d.certificates.unreadableKeys(), d.control.unreadableKeys()) {
		d.log.Warn("private key cannot be read any more with the rights that the daemon has left, so that a renewed one needs a restart; give the file to its group, with mode 0640", "file", path)
	}
}
