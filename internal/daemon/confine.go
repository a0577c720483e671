package daemon

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/privdrop"
	"github.com/hassesd/hassesd/internal/sandbox"
	"github.com/hassesd/hassesd/internal/threads"
)

// confinement is what the daemon has given up. It is fixed once open.
type confinement struct {
	mode    string // of the settings: auto, strict, off
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

// dnsPort is where name servers take connections, for answers that are too long for a datagram.
const dnsPort = 53

// errStaysRoot is what strict says of a daemon that would be root for good.
var errStaysRoot = errors.New(`sandbox: "strict" does not go with root: name a user to become with --user, or start as one`)

// dropPrivileges becomes the user of the settings, in the chroot of the settings, if they name any.
func (d *Daemon) dropPrivileges(s *config.Settings, identity *privdrop.Identity) error {
	d.confined.mode = s.Sandbox
	if !d.ownProcess {
		d.confined.mode = sandboxOff
	}
	var err error
	if d.confined.view, err = threads.Open(); err != nil {
		return err
	}
	d.atClose(func() { _ = d.confined.view.Close() })
	d.prepareForSmallWorld(s, identity)
	if err := d.prepareSandbox(s); err != nil {
		return err
	}
	if identity == nil {
		return nil
	}
	// Or the file could not be opened anew after a rotation.
	if err := d.logs.Chown(identity.UID, identity.GID); err != nil {
		return fmt.Errorf("give the log file to %s: %w", identity.Name, err)
	}
	if s.Chroot != "" {
		if err := checkChroot(s, d.sources); err != nil {
			return err
		}
		if err := privdrop.Chroot(s.Chroot); err != nil {
			return err
		}
		d.confined.chroot = s.Chroot
	}
	wasRoot := os.Geteuid() == 0
	if err := privdrop.Drop(d.confined.view, *identity); err != nil {
		return fmt.Errorf("become user %s: %w", identity.Name, err)
	}
	d.confined.dropped = wasRoot
	d.log.Info("privileges dropped", "user", identity.Name, "uid", identity.UID, "gid", identity.GID)
	return nil
}

// prepareForSmallWorld reads now, or lets the standard library read, what would be looked for later and not found.
func (d *Daemon) prepareForSmallWorld(s *config.Settings, identity *privdrop.Identity) {
	uid := os.Geteuid()
	if identity != nil {
		uid = identity.UID
	}
	d.user = userName(uid) // of /etc/passwd
	d.found = memguard.FindBudget(os.DirFS("/"))
	zone, offset := time.Now().Zone() // of /etc/localtime
	d.log.Debug("time zone", "zone", zone, "seconds_east", offset)
	if options.UsesACME(s) && s.ACME.CARoot == "" {
		_, _ = x509.SystemCertPool() // kept for all who verify; without any, the first order says so
	}
}

// confine gives up what the daemon does not need from here on, and proves it. It is the last step of a start.
func (d *Daemon) confine(s *config.Settings) error {
	c := &d.confined
	if c.mode == sandboxStrict && os.Geteuid() == 0 {
		return &configurationError{errStaysRoot}
	}
	if os.Geteuid() == 0 && !s.Dev {
		d.log.Warn("the daemon stays root; name a user to become with --user")
	}
	if c.mode == sandboxOff {
		d.log.Warn("there is no sandbox; whoever breaks into the daemon can do what its user can")
		if !c.dropped {
			return nil // all is left as it was found
		}
	}
	switch err := privdrop.Seal(c.view); {
	case err != nil && c.mode == sandboxStrict:
		return fmt.Errorf(`sandbox: "strict" wants every right to be given up: %w`, err)
	case err != nil:
		d.log.Warn("a layer of the sandbox is missing", "layer", "rights", "err", err)
	default:
		c.sealed = true
	}
	if c.mode == sandboxOff {
		return nil
	}
	if err := d.enterSandbox(); err != nil {
		return err
	}
	return d.selfCheck()
}

// prepareSandbox decides what stays open, while there may still be the rights to find it.
func (d *Daemon) prepareSandbox(s *config.Settings) error {
	if d.confined.mode == sandboxOff {
		return nil
	}
	needed := neededPaths(s, d.sources)
	grants, err := sandbox.Grants(sandboxPaths(needed))
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	for _, n := range needed {
		if n.Use == sandbox.ReadFile && sandbox.IsAlone(n.Path.Path) {
			d.log.Warn("file lies among those of others, so that the sandbox lets a reload read it only until it is replaced; put it into a directory of its own",
				"key", n.key, "file", n.Path.Path)
		}
	}
	o := sandbox.Options{Grants: grants, View: d.confined.view}
	if options.UsesACME(s) {
		o.ConnectPorts = append(acmecert.Ports(s.ACME.Directory), dnsPort)
	}
	d.confined.sandbox = sandbox.Prepare(o)
	d.atClose(func() { _ = d.confined.sandbox.Close() })
	return nil
}

func (d *Daemon) enterSandbox() error {
	c := &d.confined
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
			d.log.Warn("a layer of the sandbox is missing", "layer", layer.name, "err", layer.err)
			missing = append(missing, layer.err)
		}
	}
	if c.mode == sandboxStrict && len(missing) > 0 {
		return fmt.Errorf(`sandbox: "strict" wants every layer: %w`, errors.Join(missing...))
	}
	return nil
}

// selfCheck tries what must not work any more.
func (d *Daemon) selfCheck() error {
	c := &d.confined
	c.checks, c.failed = sandbox.SelfCheck(c.want())
	if c.failed != nil && c.mode == sandboxStrict {
		return fmt.Errorf("sandbox: the self-check failed: %w", c.failed)
	}
	result := "ok"
	if c.failed != nil {
		result = "failed"
		d.log.Error("the self-check of the sandbox failed", "err", c.failed)
	}
	d.log.Info("sandbox", "uid", os.Geteuid(), "gid", os.Getegid(), "landlock", c.layers.Landlock, "seccomp", c.layers.Seccomp,
		"caps", 0, "checks", 1+len(c.checks), // and the threads
		"self_check", result)
	return nil
}

func (c *confinement) want() sandbox.Want {
	return sandbox.Want{UID: os.Geteuid(), GID: os.Getegid(), Dropped: c.dropped, Layers: c.layers, Options: c.sandbox.Options()}
}

// unreachable says what the next settings name, and those before did not, that the sandbox does not let the daemon open: it
// knows those of the start.
func (d *Daemon) unreachable(old, next *config.Settings) error {
	c := &d.confined
	if c.layers.Landlock == 0 {
		return nil
	}
	var errs []error
	known := neededPaths(old, d.sources)
	for _, n := range neededPaths(next, d.sources) {
		if slices.Contains(known, n) {
			continue // what is wrong with it is told by who reads it
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

// explainDenial says of a file that may not be read, and lies among everybody's, what its mode does not tell.
func (d *Daemon) explainDenial(err error) error {
	var denied *fs.PathError
	if d.confined.layers.Landlock == 0 || !errors.As(err, &denied) || !errors.Is(denied, fs.ErrPermission) || !sandbox.IsAlone(denied.Path) {
		return err
	}
	return fmt.Errorf("%w; the sandbox knows the file that was there at the start, and not one that was put in its place: restart the daemon, and put such files into a directory of their own", err)
}

// checkChroot refuses a chroot in which what the daemon opens while it runs is not what it is outside.
func checkChroot(s *config.Settings, sources []string) error {
	if os.Geteuid() != 0 {
		return &configurationError{errors.New("chroot: only root can change its root; leave it out, or let the service manager do it")}
	}
	var problems []string
	for _, n := range neededPaths(s, sources) {
		if !filepath.IsAbs(n.Path.Path) { // the chroot is the working directory then
			return &configurationError{fmt.Errorf("%s: %s would be another file after the chroot; write it from / on", cmp.Or(n.key, "names"), n.Path.Path)}
		}
		grants, err := sandbox.Grants([]sandbox.Path{n.Path})
		if err != nil {
			return err
		}
		for _, g := range grants {
			if !isSameInside(s.Chroot, g.Path) {
				problems = append(problems, fmt.Sprintf("%s (%s)", g.Path, cmp.Or(n.key, "names")))
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &configurationError{fmt.Errorf("chroot: %s must hold at the same paths what the daemon opens while it runs, for instance by bind mounts; it lacks %s",
		s.Chroot, strings.Join(problems, ", "))}
}

// isSameInside says whether path leads to the same file inside of the chroot as outside. What is not there is missed by
// nobody.
func isSameInside(chroot, path string) bool {
	outside, err := os.Stat(path)
	if errors.Is(err, syscall.ENOENT) {
		return true
	}
	inside, errInside := os.Stat(filepath.Join(chroot, path))
	return err == nil && errInside == nil && os.SameFile(outside, inside)
}
