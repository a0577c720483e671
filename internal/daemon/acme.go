package daemon

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/pemfile"
	"github.com/hassesd/hassesd/internal/state"
)

// maxSecretFile bounds what is read of a file with a key or a few root certificates.
const maxSecretFile = 1 << 20

// readACME reads what obtains and renews certificates is made of, while only root may be able to read the files.
func (r *reading) readACME() error {
	if len(r.settings.ACME.Hosts) == 0 {
		return nil
	}
	o, err := readACMEOptions(r.settings)
	if err == nil && options.UsesACME(r.settings) {
		r.acme = &o
	}
	return err
}

// checkACMECache says what is wrong with the directory that ACME would use. It changes nothing.
func (r *reading) checkACMECache() error {
	if len(r.settings.ACME.Hosts) == 0 || r.isUserUnknown {
		return nil
	}
	owner := stateOwner(r.identity)
	dir := r.settings.ACME.CacheDir
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return state.CheckMakeable(dir)
	}
	return acmecert.CheckCache(dir, owner.UID)
}

// prepareACME makes the directory of what was read, before privileges are dropped: only root may be able to.
func (d *Daemon) prepareACME(r *reading) error {
	if d.certs == nil || r.acme == nil {
		r.acme = nil
		return nil
	}
	owner := stateOwner(r.identity)
	if err := acmecert.PrepareCache(r.settings.ACME.CacheDir, owner.UID, owner.GID); err != nil {
		return &fault{key: "acme.cache_dir", err: err}
	}
	return nil
}

// openACME reads the cache. It is called after privileges were dropped: the cache is its owner's, and root has no business
// with what he may have put there.
func (d *Daemon) openACME(o *acmecert.Options) error {
	if o == nil {
		return nil
	}
	o.Store, o.Logger = d.certs, d.log
	var err error
	if d.acme, err = acmecert.New(*o, time.Now()); err != nil {
		return &configurationError{fmt.Errorf("acme: %w", err)}
	}
	return nil
}

// readACMEOptions returns the options of the manager with the content of the files that the settings name.
func readACMEOptions(s *config.Settings) (acmecert.Options, error) {
	o := options.ACME(s)
	var errRoots, errKey error
	if s.ACME.CARoot != "" {
		o.Roots, errRoots = readRoots(s.ACME.CARoot)
	}
	if o.EABKeyID != "" {
		o.EABKey, errKey = readEABKey(s)
	}
	return o, errors.Join(errRoots, errKey)
}

func readRoots(path string) (*x509.CertPool, error) {
	text, err := readSmall(path)
	if err != nil {
		return nil, &fault{key: "acme.ca_root", err: err}
	}
	roots := x509.NewCertPool()
	if err := pemfile.AddCertificates(roots, text); err != nil {
		return nil, &fault{key: "acme.ca_root", err: fmt.Errorf("%s: %w", path, err)}
	}
	return roots, nil
}

func readEABKey(s *config.Settings) ([]byte, error) {
	text := s.ACME.EABKey
	if s.ACME.EABKeyFile != "" {
		content, err := readSmall(s.ACME.EABKeyFile)
		if err != nil {
			return nil, &fault{key: "acme.eab_key_file", err: err}
		}
		text = string(content)
	}
	key, err := config.DecodeEABKey(text)
	if err != nil || len(key) == 0 {
		return nil, &fault{key: "acme.eab_key_file", err: errors.New("what it holds is not base64url")} // and is not quoted
	}
	return key, nil
}

// tellACME adds to the list how each host of the manager stands: to its certificate, or as one that is not there yet.
func (d *Daemon) tellACME(list []api.Certificate, now time.Time) []api.Certificate {
	if d.acme == nil {
		return list
	}
	for _, s := range d.acme.Status(now) {
		i := slices.IndexFunc(list, func(c api.Certificate) bool {
			isOurs := c.Source == string(certs.SourceACME) || c.Source == string(certs.SourceSelfSigned)
			return isOurs && slices.Contains(c.Names, s.Host)
		})
		if i < 0 {
			list = append(list, api.Certificate{Names: []string{s.Host}, Source: string(certs.SourceACME), Warnings: []string{}})
			i = len(list) - 1
		}
		c := &list[i]
		if !s.RenewedAt.IsZero() && !s.NotAfter.IsZero() {
			c.LoadedAt = s.RenewedAt
		}
		c.LastError, c.LastErrorAt, c.NextTry = s.LastError, s.FailedAt, s.NextTry
	}
	return list
}

// readSmall reads a file that is small, or says that it is not.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", path, maxSecretFile)
	}
	return os.ReadFile(path)
}
