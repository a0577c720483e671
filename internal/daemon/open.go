package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/logx"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/privdrop"
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
	if err := d.openCertificates(r); err != nil {
		return err
	}
	d.useAuthorization(&s, r.authorization)
	if err := d.prepareACME(r); err != nil {
		return err
	}
	descriptors, err := descriptorLimit()
	if err != nil {
		return err
	}
	// The runtime's own poller must exist before descriptors can run out: it dies if it is made then.
	if err := reactor.InitRuntimePoller(); err != nil {
		return fmt.Errorf("prepare the runtime's poller: %w", err)
	}
	if err := d.openDoors(ctx, &s); err != nil {
		return err
	}
	if err := d.openControl(r, descriptors); err != nil {
		return err
	}
	if err := d.writePIDFile(s.PIDFile); err != nil {
		return err
	}
	if err := d.openState(&s, r.identity); err != nil {
		return err
	}
	if err := d.dropPrivileges(&s, r.identity); err != nil {
		return err
	}
	if err := d.openACME(r.acme); err != nil {
		return err
	}
	if err := d.openLoops(&s, r.hub, descriptors); err != nil {
		return err
	}
	if err := d.confine(&s); err != nil {
		return err
	}
	d.warnOfUnreadableKeys()
	d.welcome(&s, o.Stderr)
	return nil
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
	d.atClose(func() { _ = d.logs.Close() })
	d.manager.LogTo(d.log)
	d.log.Info("starting", "version", Version(), "compiled", Compiled())
	for _, unknown := range config.UnknownVariables(o.Env) {
		d.log.Warn("a variable of the environment has no effect", "variable", unknown.Source, "err", unknown)
	}
	if s.Dev && s.Auth.Has(config.AuthNone) {
		d.log.Warn("development mode: nobody is asked who they are, and the certificate is made up")
	}
	d.warnOfHassesOrigins(s)
	return nil
}

// resolveUser answers whom to become after binding, nil for nobody else.
func resolveUser(s *config.Settings) (*privdrop.Identity, error) {
	if s.User == "" {
		return nil, nil //nolint:nilnil // nobody to become is not an error
	}
	if s.Group != "" {
		if _, err := privdrop.ResolveGroup(s.Group); err != nil {
			return nil, &fault{key: "group", err: err}
		}
	}
	id, err := privdrop.Resolve(s.User, s.Group)
	if err != nil {
		return nil, &fault{key: "user", err: err}
	}
	return &id, nil
}

// descriptorLimit raises the soft limit to the hard one and answers it.
func descriptorLimit() (int, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("read the descriptor limit: %w", err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			return 0, fmt.Errorf("raise the descriptor limit: %w", err)
		}
	}
	const most = 1 << 24 // "unlimited" is no number to compute with
	return int(min(limit.Cur, most)), nil
}

// unixGroup is the group of the control socket: the daemon's own, as it will be after binding, unless the settings name
// one. -1 leaves it as it is.
func unixGroup(s *config.Settings, identity *privdrop.Identity) (int, error) {
	switch {
	case s.Control.UnixGroup == "" && identity == nil:
		return -1, nil
	case s.Control.UnixGroup == "":
		return identity.GID, nil
	}
	gid, err := privdrop.ResolveGroup(s.Control.UnixGroup)
	if err != nil {
		return 0, &fault{key: "control.unix_group", err: err}
	}
	return gid, nil
}

// fifoGroup is the group that the settings name for the FIFO.
func fifoGroup(s *config.Settings) (int, error) {
	gid, err := privdrop.ResolveGroup(s.Control.FIFOGroup)
	if err != nil {
		return 0, &fault{key: "control.fifo_group", err: err}
	}
	return gid, nil
}

func (d *Daemon) openControl(r *reading, descriptors int) error {
	s := r.settings
	mode, err := strconv.ParseUint(s.Control.UnixMode, 8, 32)
	if err != nil {
		return &configurationError{fmt.Errorf("control.unix_mode: %w", err)}
	}
	d.controlAdmission = admission.New(options.ControlAdmission(s))
	d.control = admin.NewServer(admin.ServerOptions{
		Backend:     backend{d},
		Logger:      d.log,
		Answers:     d.logs.Always(),
		Delimiter:   options.Delimiter(s),
		Connections: options.ControlConnections(s, descriptors),
		MaxMessage:  func() int { return d.settings.Load().Limits.MessageBytes },
		Admission:   d.controlAdmission,
		LineBytes:   d.commandBytes,
		// Nobody is served before the edge is there.
		HandshakeSlot:      func(ctx context.Context) (func(), error) { return d.edge.HandshakeSlot(ctx) },
		HandshakesUnderway: func(change int64) { d.edge.HandshakesUnderway(change) },
		Pace:               func() admin.Pace { return options.Pace(d.settings.Load()) },
	})
	d.useControlRights(r.rights)
	d.atClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		_ = d.control.Shutdown(ctx) // a second time does nothing
	})
	if err := d.openControlSocket(s, options.ControlSocket(s), os.FileMode(mode), r.unixGID); err != nil {
		return asConfiguration(err)
	}
	if err := d.openControlPort(r); err != nil {
		return asConfiguration(fmt.Errorf("open control port: %w", err))
	}
	return d.openFIFO(s, r.fifoGID)
}

// openFIFO opens the named pipe, if there is to be one. Without one that only development mode asked for, the start goes on.
func (d *Daemon) openFIFO(s *config.Settings, gid int) (err error) {
	path := options.ControlFIFO(s)
	if path == "" {
		return nil
	}
	mode := os.FileMode(s.Control.FIFOPermissions())
	isPreset := s.IsFromDevelopment("control.fifo")
	if isPreset {
		err = admin.PrepareDevDir()
	}
	if err == nil {
		err = d.control.OpenFIFO(path, mode, gid)
	}
	switch {
	case err != nil && isPreset:
		d.log.Warn("no FIFO: it cannot be opened, and only development mode asked for it; --fifo chooses another", "err", err)
		return nil
	case err != nil:
		return fmt.Errorf("open FIFO: %w", err)
	}
	d.ways = append(d.ways, api.Endpoint{Kind: api.EndpointFIFO, Address: path})
	d.log.Info("FIFO open", "path", path)
	if mode&0o002 != 0 {
		d.log.Warn("every user of this machine may publish through the FIFO", "path", path, "fifo_mode", s.Control.FIFOMode)
	}
	return nil
}

// writePIDFile writes the process number, for scripts that expect it.
func (d *Daemon) writePIDFile(path string) error {
	if path == "" {
		return nil
	}
	content := strconv.Itoa(os.Getpid()) + "\n"
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	_, err = f.WriteString(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	if path == os.DevNull {
		return nil
	}
	d.atClose(func() {
		if err := os.Remove(path); err != nil { // another user by now, perhaps
			d.log.Debug("pid file stays", "err", err)
		}
	})
	return nil
}

func (d *Daemon) openLoops(s *config.Settings, hubOptions hub.Options, descriptors int) error {
	n := s.Loops
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
	d.memory = memguard.New(memguard.Options{
		Logger: d.log,
		Meter:  memguard.NewRuntimeMeter(),
		Found:  d.found,
		Limits: func() memguard.Limits { return options.Memory(d.settings.Load()) },
	})
	hubOptions.Starved = d.memory.Starve
	budget := d.memory.BudgetOf(s.Limits.Memory)
	if options.FitHub(&hubOptions, budget, n) {
		d.log.Warn("history.bytes is over a quarter of the memory there is; a quarter it is",
			"asked", s.History.Bytes, "allowed", hubOptions.History.Bytes, "budget", budget.Bytes, "from", budget.From)
	}
	d.openTickets()
	d.openHub(hubOptions)
	d.cleanups = append(d.cleanups, cleanup{2 * keepTimeout, d.keepHistory}) // unless it was kept, or lost, before
	edgeOptions := edge.Options{
		Loops:            d.loops,
		Hub:              d.hub,
		Logger:           d.log,
		Config:           options.Edge(s, d.authorization.policy),
		Reinit:           s.Reinit,
		Seed:             randomSeed(),
		Clock:            time.Now,
		DescriptorLimit:  descriptors,
		OtherDescriptors: options.OtherDescriptors(s),
	}
	if d.certs != nil {
		edgeOptions.TLS = d.certs.Config
	}
	if d.acme != nil {
		edgeOptions.Challenge = d.acme.Answers().Lookup
	}
	d.edge = edge.New(edgeOptions)
	d.memory.Protect(memoryTarget{d.hub, d.edge}, time.Now())
	if asked := s.Limits.Connections; asked > 0 && asked > d.edge.ConnectionLimit() {
		d.log.Warn("limits.connections is over what the descriptor limit allows",
			"limit", asked, "allowed", d.edge.ConnectionLimit(), "descriptors", descriptors)
	}
	return nil
}
