package daemon

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/logx"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/privdrop"
	"github.com/hassesd/hassesd/internal/sandbox"
	"github.com/hassesd/hassesd/internal/threads"
)

// confinement is what the daemon has given up.
type confinement struct {
	// Fixed after creation.
	log        *slog.Logger
	sources    []string // files that a reload of the settings reads
	ownProcess bool     // the process is the daemon's alone

	// Fixed once open.
	mode    string // of the settings: auto, strict, off
	user    string // that the daemon runs as, empty: it has no name
	view    *threads.View
	dropped bool // root was given up
	sealed  bool // capabilities, and what goes with them
	chroot  string
	sandbox *sandbox.Sandbox // nil: switched off
	layers  sandbox.Layers
	checks  []sandbox.Check // of the self-check; none without a sandbox
	failed  error           // what the self-check found
}

const (
	sandboxOff    = "off"
	sandboxStrict = "strict"
)

// dnsPort is where name servers accept connections, for answers that are too long for a datagram.
const dnsPort = 53

// errStaysRoot is the error of strict for a daemon that would stay root.
var errStaysRoot = errors.New(`sandbox: "strict" does not go with root: name a user to become with --user, or start as one`)

// dropPrivileges becomes the user of the settings, in the chroot of the settings, if they name any,
// and gives that user the log.
func (c *confinement) dropPrivileges(s *config.Settings, identity *privdrop.Identity, logs *logx.Log, atEnd *closers) error {
	c.mode = s.Sandbox
	if !c.ownProcess {
		c.mode = sandboxOff
	}
	var err error
	if c.view, err = threads.Open(); err != nil {
		return err
	}
	atEnd.add(func() { _ = c.view.Close() })
	c.readAhead(s, identity)
	if err := c.prepareSandbox(s, atEnd); err != nil {
		return err
	}
	if identity == nil {
		return nil
	}
	// Otherwise the file could not be reopened after a rotation.
	if err := logs.Chown(identity.UID, identity.GID); err != nil {
		return fmt.Errorf("give the log file to %s: %w", identity.Name, err)
	}
	if s.Chroot != "" {
		if err := checkChroot(s, c.sources); err != nil {
			return err
		}
		if err := privdrop.Chroot(s.Chroot); err != nil {
			return err
		}
		c.chroot = s.Chroot
	}
	wasRoot := os.Geteuid() == 0
	if err := privdrop.Drop(c.view, *identity); err != nil {
		return fmt.Errorf("become user %s: %w", identity.Name, err)
	}
	c.dropped = wasRoot
	c.log.Info("privileges dropped", "user", identity.Name, "uid", identity.UID, "gid", identity.GID)
	return nil
}

// readAhead reads now, or has the standard library read, what could not be found later.
func (c *confinement) readAhead(s *config.Settings, identity *privdrop.Identity) {
	uid := os.Geteuid()
	if identity != nil {
		uid = identity.UID
	}
	c.user = userName(uid)            // from /etc/passwd
	zone, offset := time.Now().Zone() // from /etc/localtime
	c.log.Debug("time zone", "zone", zone, "seconds_east", offset)
	if options.UsesACME(s) && s.ACME.CARoot == "" || options.ClusterUsesTLS(s) && s.Cluster.CAFile == "" {
		_, _ = x509.SystemCertPool() // cached for every verification; without any, the first order fails
	}
}

// enter gives up what the daemon does not need from here on, and proves it. It is the last step of
// a start.
func (c *confinement) enter(s *config.Settings) error {
	if c.mode == sandboxStrict && os.Geteuid() == 0 {
		return &configurationError{errStaysRoot}
	}
	if os.Geteuid() == 0 && !s.Dev {
		c.log.Warn("the daemon stays root; name a user to become with --user")
	}
	if c.mode == sandboxOff {
		c.log.Warn("there is no sandbox; an attacker who takes over the daemon can do what its user can")
		if !c.dropped {
			return nil // nothing else is changed
		}
	}
	switch err := privdrop.Seal(c.view); {
	case err != nil && c.mode == sandboxStrict:
		return fmt.Errorf(`sandbox: "strict" wants every right to be given up: %w`, err)
	case err != nil:
		c.log.Warn("a layer of the sandbox is missing", "layer", "rights", "err", err)
	default:
		c.sealed = true
	}
	if c.mode == sandboxOff {
		return nil
	}
	if err := c.enterSandbox(); err != nil {
		return err
	}
	return c.selfCheck()
}

// prepareSandbox decides what stays open, while there may still be the rights to find it.
func (c *confinement) prepareSandbox(s *config.Settings, atEnd *closers) error {
	if c.mode == sandboxOff {
		return nil
	}
	needed := neededPaths(s, c.sources)
	grants, err := sandbox.Grants(sandboxPaths(needed))
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	for _, n := range needed {
		if n.Use == sandbox.ReadFile && sandbox.IsAlone(n.Path.Path) {
			c.log.Warn("file lies among those of others, so that the sandbox lets a reload read it only until it is replaced; put it into a directory of its own",
				"key", n.key, "file", n.Path.Path)
		}
	}
	o := sandbox.Options{Grants: grants, View: c.view, Profiles: s.API.Listen != "" && s.API.Pprof}
	if options.UsesACME(s) {
		o.ConnectPorts = append(acmecert.Ports(s.ACME.Directory), dnsPort)
	}
	if options.IsClustered(s) {
		o.ConnectPorts = append(o.ConnectPorts, options.ClusterPorts(s)...)
		if !slices.Contains(o.ConnectPorts, dnsPort) {
			o.ConnectPorts = append(o.ConnectPorts, dnsPort)
		}
		slices.Sort(o.ConnectPorts)
		o.ConnectPorts = slices.Compact(o.ConnectPorts)
	}
	c.sandbox = sandbox.Prepare(o)
	atEnd.add(func() { _ = c.sandbox.Close() })
	return nil
}

func (c *confinement) enterSandbox() error {
	c.layers = c.sandbox.Enter()
	if err := c.sandbox.Close(); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	var missing []error
	for _, layer := range []struct {
		name string
		err  error
	}{
		{"landlock", c.layers.LandlockErr},
		{"seccomp", c.layers.SeccompErr},
	} {
		if layer.err != nil {
			c.log.Warn("a layer of the sandbox is missing", "layer", layer.name, "err", layer.err)
			missing = append(missing, layer.err)
		}
	}
	if c.mode == sandboxStrict && len(missing) > 0 {
		return fmt.Errorf(`sandbox: "strict" wants every layer: %w`, errors.Join(missing...))
	}
	return nil
}

// selfCheck tries what must no longer work.
func (c *confinement) selfCheck() error {
	c.checks, c.failed = sandbox.SelfCheck(c.want())
	if c.failed != nil && c.mode == sandboxStrict {
		return fmt.Errorf("sandbox: the self-check failed: %w", c.failed)
	}
	result := "ok"
	if c.failed != nil {
		result = "failed"
		c.log.Error("the self-check of the sandbox failed", "err", c.failed)
	}
	c.log.Info("sandbox", "uid", os.Geteuid(), "gid", os.Getegid(), "landlock", c.layers.Landlock, "seccomp", c.layers.Seccomp,
		"caps", 0, "checks", 1+len(c.checks), // and the threads
		"self_check", result)
	return nil
}

func (c *confinement) want() sandbox.Want {
	return sandbox.Want{UID: os.Geteuid(), GID: os.Getegid(), Dropped: c.dropped, Layers: c.layers, Options: c.sandbox.Options()}
}

// unreachable returns an error for what the next settings name, and those before did not, that the
// sandbox does not let the daemon open: its rules are those of the start.
func (c *confinement) unreachable(old, next *config.Settings) error {
	if c.layers.Landlock == 0 {
		return nil
	}
	var errs []error
	known := neededPaths(old, c.sources)
	for _, n := range neededPaths(next, c.sources) {
		if slices.Contains(known, n) {
			continue // its reader reports what is wrong with it
		}
		wanted, err := sandbox.Grants([]sandbox.Path{n.Path})
		if err != nil {
			return err
		}
		if missing := sandbox.Covers(c.sandbox.Options().Grants, wanted); len(missing) > 0 {
			errs = append(errs, &fault{key: cmp.Or(n.key, "user"), err: fmt.Errorf("%s is in %s, which the sandbox has not let the daemon use since its start; restart it to have it so",
				n.Path.Path, missing[0].Path)})
		}
	}
	return errors.Join(errs...)
}

// explain adds to the error of a file that may not be read what its mode does not tell: the sandbox
// forbids it.
func (c *confinement) explain(err error) error {
	var denied *fs.PathError
	if c.layers.Landlock == 0 || !errors.As(err, &denied) || !errors.Is(denied, fs.ErrPermission) || !sandbox.IsAlone(denied.Path) {
		return err
	}
	return fmt.Errorf("%w; the sandbox knows the file that was there at the start, and not one that was put in its place: restart the daemon, and put such files into a directory of their own", err)
}
