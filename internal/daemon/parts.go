package daemon

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/privdrop"
)

// part is something that the settings name and that is read or checked before it is used: files,
// users, directories. A check reads the parts of a start. A start reads them, and uses them in the
// order that privileges need. A reload reads its parts and, if none has a fault, uses them in the
// order of the list.
//
// To add something that settings name, add a part; nothing else checks it before it is used.
type part struct {
	key  string   // the setting that a fault is about, unless it has one of its own
	when occasion // on which it is read

	// read stores what it finds in the reading, and changes nothing else. Its error lists
	// everything that is wrong.
	read func(r *reading) error
	// use applies what was read to a running daemon. It returns the settings whose value is the
	// same while the content that they name has changed. It cannot fail. Nil: there is nothing to
	// do, or only a start does it.
	use func(d *Daemon, r *reading) (changed []string)
}

// occasion is when a part is read.
type occasion uint8

const (
	atStart  occasion = 1 << iota // and by a check
	atReload                      // of a running daemon
)

// reading is what the parts have found for one set of settings at one time.
type reading struct {
	// Given.
	settings *config.Settings
	now      time.Time
	isCheck  bool             // nothing is started with what is read
	daemon   *Daemon          // that reloads; nil: a check or a start
	old      *config.Settings // that apply in daemon
	changed  []string         // keys whose values are not those of old

	// Found. A part that has failed leaves its fields as they are.
	isUserUnknown bool               // what depends on the user is not checked
	identity      *privdrop.Identity // the user to become; nil: none
	listenGID     int                // of the Unix sockets of listen; -1: as it comes
	hub           hub.Options
	certificates  *certs.Reading // nil: as they are, or there are none from files
	control       controlFound
	authorization *authorization
	acme          *acmecert.Options // nil: none
}

// readParts reads all parts of the occasion, whatever is wrong with earlier ones. The error has a
// [fault] for each thing that is wrong, in the order of the list.
func readParts(list []part, when occasion, r *reading) error {
	var all []error
	for _, p := range list {
		if p.when&when == 0 {
			continue
		}
		for _, f := range toFaults(p.key, p.read(r)) {
			if f.source == "" {
				f.source = r.settings.Source(f.key)
			}
			if r.daemon != nil {
				f.err = r.daemon.confined.explain(f.err)
			}
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &configurationError{errors.Join(all...)}
}

// useParts applies what readParts has read for a reload, and adds to the changed keys those whose
// value is the same while the content that they name has changed.
func (d *Daemon) useParts(list []part, r *reading) {
	for _, p := range list {
		if p.when&atReload == 0 || p.use == nil {
			continue
		}
		for _, key := range p.use(d, r) {
			r.changed = addKey(r.changed, key)
		}
	}
}

// parts are all parts. Each comes after those that it depends on.
var parts = []part{
	{key: "sandbox", when: atReload, read: (*reading).readReach},
	{key: "limits.slow", when: atStart | atReload, read: (*reading).readHub},
	{key: "tls.cert_file", when: atStart | atReload, read: (*reading).readCertificates, use: (*Daemon).useCertificates},
	{key: "control.tls.cert_file", when: atStart | atReload, read: (*reading).readControlPort, use: (*Daemon).useControlPort},
	{key: "auth", when: atStart | atReload, read: (*reading).readAuthorization, use: (*Daemon).useAuthorization},
	{key: "control.key", when: atStart | atReload, read: (*reading).readRights, use: (*Daemon).useRights},
	{key: "user", when: atStart, read: (*reading).readUser},
	{key: "control.unix_group", when: atStart, read: (*reading).readGroups},
	{key: "acme", when: atStart, read: (*reading).readACME},
	{key: "acme.cache_dir", when: atStart, read: (*reading).checkACMECache},
	{key: "state.dir", when: atStart, read: (*reading).checkState},
	{key: "cluster.nats", when: atStart, read: func(r *reading) error { return readCluster(r.settings, r.isCheck) }},
	{key: "log_file", when: atStart, read: func(r *reading) error { return checkCreatedFiles(r.settings) }},
	// Last, since it uses what the others have read.
	{key: "limits", when: atReload, read: func(*reading) error { return nil }, use: (*Daemon).useLimits},
}

// Check validates what a start would use beyond the settings themselves: certificates, keys, the
// user, the paths of files. The error lists everything that is wrong, each with the key of its
// setting.
func Check(s config.Settings) error {
	return readParts(parts, atStart, &reading{settings: &s, now: time.Now(), isCheck: true})
}

func readForStart(s *config.Settings) (*reading, error) {
	r := &reading{settings: s, now: time.Now()}
	return r, readParts(parts, atStart, r)
}

func (r *reading) readHub() (err error) {
	r.hub, err = options.Hub(r.settings)
	return err
}

func (d *Daemon) useCertificates(r *reading) []string {
	return d.certificates.use(r.settings, r.certificates, r.now)
}

func (d *Daemon) useControlPort(r *reading) []string {
	if d.control.usePort(r.settings, r.control.port, r.now) {
		return []string{"control.tls.cert_file"}
	}
	return nil
}

func (d *Daemon) useAuthorization(r *reading) []string {
	return d.authorization.use(r.settings, r.authorization)
}

func (d *Daemon) useRights(r *reading) []string {
	if slices.Contains(r.changed, "control.tcp_networks") {
		d.control.warnOfNetworks(r.settings)
	}
	if d.control.useRights(r.control.rights) && !slices.ContainsFunc(r.changed, isControlRight) {
		return []string{"control.key"} // the file is the same, its content is not
	}
	return nil
}

func (r *reading) readCertificates() (err error) {
	if r.daemon == nil {
		r.certificates, err = readCertificates(r.settings, r.now)
	} else {
		r.certificates, err = r.daemon.certificates.read(r.settings, r.now)
	}
	return err
}

func (r *reading) readControlPort() (err error) {
	if r.daemon == nil {
		r.control.port, err = readControlPort(r.settings, r.now)
	} else {
		r.control.port, err = r.daemon.control.readPort(r.settings, r.changed, r.now)
	}
	return err
}

func (r *reading) readAuthorization() (err error) {
	r.authorization, err = readAuthorization(r.settings)
	return err
}

func (r *reading) readRights() (err error) {
	if r.daemon == nil {
		r.control.rights, err = controlRights(r.settings)
	} else {
		r.control.rights, err = r.daemon.control.readRights(r.settings)
	}
	return err
}

func (r *reading) readACME() (err error) {
	r.acme, err = readACME(r.settings)
	return err
}

func (r *reading) checkACMECache() error {
	if r.isUserUnknown {
		return nil
	}
	return checkACMECache(r.settings, r.identity)
}

func (r *reading) checkState() error {
	if r.isUserUnknown {
		return nil
	}
	return checkState(r.settings, r.identity)
}

func (r *reading) readReach() error { return r.daemon.confined.unreachable(r.old, r.settings) }

func (r *reading) readUser() (err error) {
	r.identity, err = resolveUser(r.settings)
	r.isUserUnknown = err != nil
	return err
}

func (r *reading) readGroups() error {
	if r.isUserUnknown {
		return nil
	}
	var errUnix, errFIFO, errListen error
	r.control.unixGID, errUnix = unixGroup(r.settings, r.identity)
	if r.control.fifoGID = r.control.unixGID; r.settings.Control.FIFOGroup != "" {
		r.control.fifoGID, errFIFO = fifoGroup(r.settings)
	}
	r.listenGID, errListen = listenGroup(r.settings, r.identity)
	return errors.Join(errUnix, errFIFO, errListen)
}

// useLimits applies the settings that name nothing outside.
func (d *Daemon) useLimits(r *reading) []string {
	s := r.settings
	d.edge.Reconfigure(r.now, options.Edge(s, r.authorization.policy))
	d.publishing.use(s, r.authorization.tokens, r.control.rights)
	d.control.admission.SetLimits(options.ControlAdmission(s))
	options.FitHub(&r.hub, d.memory.BudgetOf(s.Limits.Memory), len(d.loops))
	d.hub.SetLimits(r.now, r.hub.History, r.hub.QueueBytes, r.hub.Slow)
	d.cluster.limitsChanged(r.changed)
	// What an administrator has switched stays, unless the configuration has changed.
	if slices.Contains(r.changed, "reinit") {
		d.edge.SetReinit(s.Reinit)
	}
	if slices.Contains(r.changed, "log_level") {
		if err := d.logs.SetLevel(s.LogLevel); err != nil {
			panic("daemon: internal error: a validated log level is none: " + err.Error())
		}
	}
	return nil
}

// isControlRight reports whether a key changes what a control connection may do.
func isControlRight(key string) bool {
	return key == "control.key" || key == "control.tcp_role" || key == "control.tcp_networks" || strings.HasPrefix(key, "control.unix_")
}

// addKey adds a key, unless it is there.
func addKey(keys []string, key string) []string {
	for _, k := range keys {
		if k == key {
			return keys
		}
	}
	return append(keys, key)
}
