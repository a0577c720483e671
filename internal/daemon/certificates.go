package daemon

import (
	"errors"
	"math"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
)

const (
	// lookWithoutWatch is how often the watcher asks whether tls.watch has been switched on.
	lookWithoutWatch = time.Minute
	// expiryInterval is how often certificates are looked at for their end, and how often each is complained of.
	expiryInterval    = time.Hour
	expiryComplaining = 24 * time.Hour
)

// errNoCertificate is what a start without any certificate is told.
var errNoCertificate = errors.New("https:// listeners need a certificate: give --cert-file and --key-file, --acme-host, or --dev for a made-up one")

// readCertificates reads the certificates that the settings name.
func (r *reading) readCertificates() (err error) {
	files, keeper := options.CertificateFiles(r.settings), certs.NewKeeper(nil)
	if r.daemon != nil {
		if keeper = r.daemon.files; keeper == nil {
			return nil // no TLS, no certificates
		}
	}
	switch {
	case len(files) > 0:
		r.certificates, err = keeper.Read(files, r.now)
		return certificateFaults(r.settings, err)
	case r.settings.Dev: // the one that was made, or will be
	case r.daemon == nil && len(r.settings.ACME.Hosts) == 0 && options.Mode(r.settings.Listen) != "http":
		return errNoCertificate
	case r.daemon != nil && r.daemon.acme == nil:
		return errors.New("the settings name no certificate file any more, and to begin with ACME needs a restart")
	case r.daemon != nil: // none are left
		r.certificates, err = keeper.Read(nil, r.now)
	}
	return err
}

// certificateFaults gives the errors of certificates the keys of the settings that name their files.
func certificateFaults(s *config.Settings, err error) error {
	if err == nil {
		return nil
	}
	var all []error
	parts, ok := isJoin(err)
	if !ok {
		parts = []error{err}
	}
	for _, one := range parts {
		var load *certs.LoadError
		if !errors.As(one, &load) {
			all = append(all, one)
			continue
		}
		table, source := "tls.", ""
		if i := slices.IndexFunc(s.TLS.Certificates, func(c config.Certificate) bool { return load.Files == options.FilesOf(c) }); i >= 0 {
			table, source = "tls.certificate.", s.TLS.Certificates[i].Source()
		}
		files, ok := isJoin(load.Err)
		if !ok {
			files = []error{load.Err}
		}
		for _, one := range files {
			role := certs.RoleCert
			var file *certs.FileError
			if errors.As(one, &file) {
				role = file.Role
			}
			all = append(all, &fault{table + string(role), one, source})
		}
	}
	return errors.Join(all...)
}

// openCertificates puts in force the certificates that were read, or makes the one of development mode. Without TLS
// there are none.
func (d *Daemon) openCertificates(r *reading) error {
	s := r.settings
	if r.certificates == nil && options.Mode(s.Listen) == "http" {
		return nil
	}
	store, err := certs.NewStore(options.TLSPolicy(s))
	if err != nil {
		return &configurationError{err}
	}
	d.certs, d.files = store, certs.NewKeeper(store)
	switch {
	case r.certificates != nil:
		for _, info := range d.files.Use(r.certificates) {
			d.logCertificate("certificate loaded", info, r.now)
		}
	case s.Dev:
		pair, err := certs.Development(r.now)
		if err != nil {
			return err
		}
		store.SetFiles([]*certs.Pair{pair}, 0)
		d.logCertificate("certificate loaded", pair.Info(), r.now)
	case len(s.ACME.Hosts) > 0: // openACME fills the store
	default:
		return &fault{key: "tls.cert_file", err: errNoCertificate}
	}
	return nil
}

// warnOfUnreadableKeys tells early what would otherwise come out in some weeks: that a renewal cannot be taken over. All
// rights have been given up: also root that stays root has none to read the files of others.
func (d *Daemon) warnOfUnreadableKeys() {
	for _, path := range d.sources {
		if f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0); err != nil { // which may be a pipe
			d.log.Warn("configuration cannot be read any more with the rights that the daemon has left, so that every reload fails; give the file to its group, with mode 0640", "file", path, "err", err)
		} else {
			_ = f.Close() // it was only tried
		}
	}
	var unreadable []string
	if d.files != nil {
		unreadable = d.files.Unreadable()
	}
	if port := d.controlPort.Load(); port != nil && !port.access.IsKeyReadable() {
		unreadable = append(unreadable, d.settings.Load().Control.TLS.KeyFile)
	}
	for _, path := range d.authorization.unreadable() {
		d.log.Warn("key for tokens or URLs cannot be read any more with the rights that the daemon has left, so that every reload fails; give the file to its group, with mode 0640", "file", path)
	}
	if d.rights != nil {
		for _, path := range d.rights.UnreadableKeys() {
			d.log.Warn("control key cannot be read any more with the rights that the daemon has left, so that every reload would fail; give the file to its group, with mode 0640", "file", path)
		}
	}
	for _, path := range unreadable {
		d.log.Warn("private key cannot be read any more with the rights that the daemon has left, so that a renewed one needs a restart; give the file to its group, with mode 0640", "file", path)
	}
}

func (d *Daemon) logCertificate(message string, info certs.Info, now time.Time) {
	d.log.Info("certificate in force", "event", message, "certificate", info)
	for _, w := range info.Problems(now) {
		d.log.Warn("certificate needs attention", "what", w, "names", info.Names, "file", info.CertFile)
	}
}

// useReadCertificates is useCertificates as a part is used.
func (d *Daemon) useReadCertificates(r *reading) []string {
	if d.useCertificates(r.settings, r.certificates) {
		return []string{certificateKey(r.settings)} // the name is the same, the content is not
	}
	return nil
}

// useCertificates puts in force what readCertificates has read, and the policy. It says whether any certificate is
// another one.
func (d *Daemon) useCertificates(s *config.Settings, reading *certs.Reading) bool {
	if d.certs == nil {
		return false
	}
	if err := d.certs.SetPolicy(options.TLSPolicy(s)); err != nil {
		panic("daemon: internal error: a validated TLS policy is none: " + err.Error())
	}
	if reading == nil {
		return false
	}
	fresh := d.files.Use(reading)
	for _, info := range fresh {
		d.logCertificate("certificate reloaded", info, time.Now())
	}
	for _, err := range reading.Unrenewed {
		d.log.Warn("certificate stays in force, as its files are the same, but they could not be taken anew", "err", err)
	}
	return len(fresh) > 0
}

// tendCertificates watches the files, rotates the keys of session tickets and complains of certificates that end, until
// stop is closed.
func (d *Daemon) tendCertificates(stop <-chan struct{}) {
	if d.certs == nil {
		return
	}
	rotate := time.NewTimer(d.certs.RotateTickets())
	defer rotate.Stop()
	expiry := time.NewTicker(expiryInterval)
	defer expiry.Stop()
	look := time.NewTimer(d.lookInterval(time.Now()))
	defer look.Stop()
	complained := complaints{}
	for {
		select {
		case <-rotate.C:
			rotate.Reset(d.certs.RotateTickets())
		case now := <-expiry.C:
			d.complainOfExpiry(complained, now)
		case now := <-look.C:
			next := d.lookInterval(now) // first, so that who asks about a failure is told when it is tried again
			if d.settings.Load().TLS.Watch > 0 {
				d.lookAtCertificates(now)
			}
			look.Reset(next)
		case <-stop:
			return
		}
	}
}

// lookInterval is how long the watcher rests, and notes down when it looks again.
func (d *Daemon) lookInterval(now time.Time) time.Duration {
	watch := d.settings.Load().TLS.Watch
	if watch <= 0 {
		d.nextLook.Store(0)
		return lookWithoutWatch
	}
	d.nextLook.Store(now.Add(watch).UnixNano())
	return watch
}

// lookAtCertificates takes over files that were replaced. A failure is logged once, however often it is met.
func (d *Daemon) lookAtCertificates(now time.Time) {
	d.reloading.Lock()
	defer d.reloading.Unlock()
	before := d.files.Failures()
	fresh, _ := d.files.Look(now) // what is wrong is told below, one by one
	after := d.files.Failures()
	for _, f := range after {
		i := slices.IndexFunc(before, func(b certs.Failure) bool { return b.Files == f.Files })
		if i < 0 || before[i].Err.Error() != f.Err.Error() {
			d.log.Error("replaced certificate cannot be used; the one before is still in force", "err", d.explainDenial(f.Err))
		}
	}
	for _, b := range before {
		if !slices.ContainsFunc(after, func(f certs.Failure) bool { return f.Files == b.Files }) {
			d.log.Info("certificate files are in order again", "file", b.Files.Cert)
		}
	}
	for _, info := range fresh {
		d.logCertificate("certificate replaced", info, now)
	}
}

// complaints is when each certificate, by its hash, was last complained of.
type complaints map[string]time.Time

// complainOfExpiry warns once a day of each certificate with less than a third of its life left, or whose OCSP answer
// ends.
func (d *Daemon) complainOfExpiry(complained complaints, now time.Time) {
	all := d.certs.Certificates()
	for hash := range complained {
		if !slices.ContainsFunc(all, func(i certs.Info) bool { return i.SHA256 == hash }) {
			delete(complained, hash)
		}
	}
	for _, info := range all {
		last, ok := complained[info.SHA256]
		if !ok {
			last = info.LoadedAt // the warning of then
		}
		what := info.Problems(now)
		if len(what) == len(info.Warnings) || now.Sub(last) < expiryComplaining && slices.Equal(what, info.Problems(last)) {
			continue // time has brought nothing, or nothing new since the last complaint
		}
		complained[info.SHA256] = now
		if info.Left(now) < 0 {
			d.log.Error("certificate has expired; clients refuse it", "certificate", info)
		} else {
			d.log.Warn("certificate needs attention", "what", what, "certificate", info)
		}
	}
}

// developmentCA is the certificate that clients must trust, when development mode has made it up.
func (d *Daemon) developmentCA() string {
	if d.certs == nil {
		return ""
	}
	if pair := d.certs.Default(); pair != nil && pair.Info().Source == certs.SourceDev {
		return string(pair.PEM())
	}
	return ""
}

// nameInCertificate is the first name that the default certificate is for.
func (d *Daemon) nameInCertificate() string {
	if d.certs != nil {
		if pair := d.certs.Default(); pair != nil {
			for _, name := range pair.Info().Names {
				if name != "" && name[0] != '*' {
					return name
				}
			}
		}
	}
	return "localhost"
}

// listCertificates is what the control protocol tells of the certificates.
func (d *Daemon) listCertificates(now time.Time) []api.Certificate {
	var list []api.Certificate
	if d.certs != nil {
		list = d.listServed(now)
	}
	if port := d.controlPort.Load(); port != nil {
		c := describe(port.info, port.access.Complaints(now), now)
		d.addFailure(&c, port.err, port.failedAt)
		list = append(list, c)
	}
	return list
}

// listServed is what subscribers may be shown, or will be.
func (d *Daemon) listServed(now time.Time) []api.Certificate {
	var byDefault string
	if pair := d.certs.Default(); pair != nil {
		byDefault = pair.Info().SHA256
	}
	var list []api.Certificate
	for _, info := range d.certs.Certificates() {
		c := describe(info, info.Problems(now), now)
		c.Default = info.SHA256 == byDefault
		failure := d.files.Failure(info.CertFile)
		d.addFailure(&c, failure.Err, failure.At)
		list = append(list, c)
	}
	return d.tellACME(list, now)
}

func describe(info certs.Info, complaints []string, now time.Time) api.Certificate {
	return api.Certificate{
		Names:       info.Names,
		Source:      string(info.Source),
		CertFile:    info.CertFile,
		KeyFile:     info.KeyFile,
		Subject:     info.Subject,
		Issuer:      info.Issuer,
		Key:         info.Key,
		NotBefore:   info.NotBefore,
		NotAfter:    info.NotAfter,
		DaysLeft:    daysLeft(info, now),
		Due:         info.IsDue(now),
		StapleUntil: info.StapleUntil,
		LoadedAt:    info.LoadedAt,
		SHA256:      info.SHA256,
		Warnings:    append([]string{}, complaints...),
	}
}

// addFailure tells that replaced files could not be read, and when they are looked at again.
func (d *Daemon) addFailure(c *api.Certificate, err error, at time.Time) {
	if err == nil {
		return
	}
	c.LastError, c.LastErrorAt = err.Error(), at
	if next := d.nextLook.Load(); next != 0 {
		c.NextTry = time.Unix(0, next)
	}
}

// daysLeft is the whole days that a certificate has left, negative from the moment it has expired.
func daysLeft(info certs.Info, now time.Time) int {
	return int(math.Floor(info.Left(now).Hours() / 24))
}
