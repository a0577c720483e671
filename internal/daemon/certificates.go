package daemon

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
)

// errNoCertificate is what a start without any certificate fails with.
var errNoCertificate = errors.New("https:// listeners need a certificate: give --cert-file and --key-file, --acme-host, or --dev for a made-up one")

// certificates are what subscribers are shown: from files, over ACME, or made up for development
// mode.
type certificates struct {
	// Fixed after creation.
	log      *slog.Logger
	settings func() *config.Settings // those that apply
	explain  func(error) error       // adds what the sandbox has to do with an error
	changing sync.Locker             // held while files are read and used after the start

	// Fixed once open.
	store *certs.Store      // nil: no TLS
	acme  *acmecert.Manager // nil: none

	files     *certs.Keeper // of store; guarded by changing
	nextCheck atomic.Int64  // when run reads the files again, in nanoseconds since 1970; 0: never
}

// readCertificates reads the certificates that the settings name for a start; nil: there are none
// from files.
func readCertificates(s *config.Settings, now time.Time) (*certs.Reading, error) {
	switch files := options.CertificateFiles(s); {
	case len(files) > 0:
		reading, err := certs.NewKeeper(nil).Read(files, now)
		return reading, certificateFaults(s, err)
	case s.Dev, len(s.ACME.Hosts) > 0, !options.WantsTLS(s):
		return nil, nil //nolint:nilnil // the certificates come from elsewhere, or there are none
	}
	return nil, errNoCertificate
}

// read reads the certificates that the settings name for a reload; nil: they stay as they are.
func (c *certificates) read(s *config.Settings, now time.Time) (*certs.Reading, error) {
	if c.files == nil {
		return nil, nil //nolint:nilnil // no TLS, no certificates
	}
	switch files := options.CertificateFiles(s); {
	case len(files) > 0:
		reading, err := c.files.Read(files, now)
		return reading, certificateFaults(s, err)
	case s.Dev:
		return nil, nil //nolint:nilnil // the one that was made
	case c.acme == nil:
		return nil, errors.New("the settings name no certificate file any more, and to begin with ACME needs a restart")
	}
	return c.files.Read(nil, now) // none are left
}

// certificateFaults gives the errors of certificates the keys of the settings that name their
// files.
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

// open makes the store, and fills it with the certificates that were read or with the one of
// development mode. Without TLS there is none.
func (c *certificates) open(s *config.Settings, reading *certs.Reading, now time.Time) error {
	if reading == nil && !options.WantsTLS(s) {
		return nil
	}
	store, err := certs.NewStore(options.TLSPolicy(s))
	if err != nil {
		return &configurationError{err}
	}
	c.store, c.files = store, certs.NewKeeper(store)
	switch {
	case reading != nil:
		for _, info := range c.files.Use(reading) {
			c.logOne("certificate loaded", info, now)
		}
	case s.Dev:
		pair, err := certs.Development(now)
		if err != nil {
			return err
		}
		store.SetFiles([]*certs.Pair{pair}, 0)
		c.logOne("certificate loaded", pair.Info(), now)
	case len(s.ACME.Hosts) > 0: // openACME fills the store
	default:
		return &fault{key: "tls.cert_file", err: errNoCertificate}
	}
	return nil
}

func (c *certificates) logOne(message string, info certs.Info, now time.Time) {
	c.log.Info("certificate in force", "event", message, "certificate", info)
	for _, w := range info.Problems(now) {
		c.log.Warn("certificate needs attention", "what", w, "names", info.Names, "file", info.CertFile)
	}
}

// use makes what readCertificates has read apply, and the TLS policy. It returns the key of the
// settings whose files have changed, if any has.
func (c *certificates) use(s *config.Settings, reading *certs.Reading, now time.Time) (changed []string) {
	if c.store == nil {
		return nil
	}
	if err := c.store.SetPolicy(options.TLSPolicy(s)); err != nil {
		panic("daemon: internal error: a validated TLS policy is none: " + err.Error())
	}
	if reading == nil {
		return nil
	}
	fresh := c.files.Use(reading)
	for _, info := range fresh {
		c.logOne("certificate reloaded", info, now)
	}
	for _, err := range reading.Unrenewed {
		c.log.Warn("certificate stays in force, as its files are the same, but they could not be taken anew", "err", err)
	}
	if len(fresh) == 0 {
		return nil
	}
	if s.TLS.CertFile == "" {
		return []string{"tls.certificate"}
	}
	return []string{"tls.cert_file"}
}

// unreadableKeys returns the files of private keys that the process, as it is now, cannot read
// again.
func (c *certificates) unreadableKeys() []string {
	if c.files == nil {
		return nil
	}
	return c.files.Unreadable()
}

// developmentCA returns the certificate that clients must trust, if development mode has made it
// up.
func (c *certificates) developmentCA() string {
	if c.store == nil {
		return ""
	}
	if pair := c.store.Default(); pair != nil && pair.Info().Source == certs.SourceDev {
		return string(pair.PEM())
	}
	return ""
}

// hostName returns the first name that the default certificate is for.
func (c *certificates) hostName() string {
	if c.store != nil {
		if pair := c.store.Default(); pair != nil {
			for _, name := range pair.Info().Names {
				if name != "" && name[0] != '*' {
					return name
				}
			}
		}
	}
	return "localhost"
}
