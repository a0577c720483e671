package daemon

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/pemfile"
	"github.com/hassesd/hassesd/internal/privdrop"
	"github.com/hassesd/hassesd/internal/state"
)

// maxSecretFile bounds the size of a file with a key or a few root certificates.
const maxSecretFile = 1 << 20

// readACME reads the options of the ACME manager, while only root may be able to read the files;
// nil: none is needed.
func readACME(s *config.Settings) (*acmecert.Options, error) {
	if len(s.ACME.Hosts) == 0 {
		return nil, nil //nolint:nilnil // no ACME is not an error
	}
	o, err := readACMEOptions(s)
	if err != nil || !options.UsesACME(s) {
		return nil, err
	}
	return &o, nil
}

// checkACMECache returns what is wrong with the directory that ACME would use. It changes nothing.
func checkACMECache(s *config.Settings, identity *privdrop.Identity) error {
	if len(s.ACME.Hosts) == 0 {
		return nil
	}
	owner := stateOwner(identity)
	dir := s.ACME.CacheDir
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return state.CheckMakeable(dir)
	}
	return acmecert.CheckCache(dir, owner.UID)
}

// prepareACME makes the cache directory, before privileges are dropped: only root may be able to.
func prepareACME(s *config.Settings, identity *privdrop.Identity) error {
	owner := stateOwner(identity)
	if err := acmecert.PrepareCache(s.ACME.CacheDir, owner.UID, owner.GID); err != nil {
		return &fault{key: "acme.cache_dir", err: err}
	}
	return nil
}

// openACME reads the cache. It is called after privileges were dropped: the cache belongs to its
// owner, and root should not act on what he may have put there.
func (c *certificates) openACME(o *acmecert.Options) error {
	if o == nil {
		return nil
	}
	o.Store, o.Logger = c.store, c.log
	var err error
	if c.acme, err = acmecert.New(*o, time.Now()); err != nil {
		return &configurationError{fmt.Errorf("acme: %w", err)}
	}
	return nil
}

// readACMEOptions returns the options of the manager with the content of the files that the
// settings name.
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

// readSmall returns the content of a small regular file.
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
