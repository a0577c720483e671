package daemon

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/pemfile"
	"github.com/hassesd/hassesd/internal/privdrop"
)

// maxSecretFile bounds what is read of a file with a key or a few root certificates.
const maxSecretFile = 1 << 20

// prepareACME makes ready what obtains and renews certificates; nil stands for nothing. It is called before privileges are
// dropped, since only root may be able to read the files and make the directory; identity is who will use them, nil for
// who we are.
func (d *Daemon) prepareACME(s *config.Settings, identity *privdrop.Identity) (*acmecert.Options, error) {
	if d.certs == nil || len(s.ACME.Hosts) == 0 {
		return nil, nil //nolint:nilnil // nothing to obtain is not an error
	}
	options, err := acmeOptions(s)
	if err != nil {
		return nil, err
	}
	uid, gid := -1, -1
	if identity != nil {
		uid, gid = identity.UID, identity.GID
	}
	if err := acmecert.PrepareCache(s.ACME.CacheDir, uid, gid); err != nil {
		return nil, &configurationError{fmt.Errorf("acme.cache_dir: %w", err)}
	}
	return &options, nil
}

// openACME reads the cache. It is called after privileges were dropped: the cache is its owner's, and root has no business
// with what he may have put there.
func (d *Daemon) openACME(options *acmecert.Options) error {
	if options == nil {
		return nil
	}
	options.Store, options.Logger = d.certs, d.log
	var err error
	if d.acme, err = acmecert.New(*options, time.Now()); err != nil {
		return &configurationError{fmt.Errorf("acme: %w", err)}
	}
	return nil
}

// checkACME says what is wrong with the files and the directory that ACME would use. It changes nothing.
func checkACME(s *config.Settings, identity *privdrop.Identity) error {
	if len(s.ACME.Hosts) == 0 {
		return nil
	}
	if _, err := acmeOptions(s); err != nil {
		return err
	}
	uid := -1
	if identity != nil {
		uid = identity.UID
	}
	if err := acmecert.CheckCache(s.ACME.CacheDir, uid); err != nil {
		return &configurationError{fmt.Errorf("acme.cache_dir: %w", err)}
	}
	return nil
}

// acmeOptions is what the settings, and the files they name, say to the manager.
func acmeOptions(s *config.Settings) (acmecert.Options, error) {
	o := acmecert.Options{
		Hosts:      s.ACME.Hosts,
		Email:      s.ACME.Email,
		Directory:  s.ACME.Directory,
		CacheDir:   s.ACME.CacheDir,
		EABKeyID:   s.ACME.EABKeyID,
		Challenges: acmeChallenges(s),
		SelfSigned: s.ACME.Fallback == "selfsigned",
	}
	if s.ACME.CARoot != "" {
		text, err := readSmall(s.ACME.CARoot)
		if err != nil {
			return o, &configurationError{fmt.Errorf("acme.ca_root: %w", err)}
		}
		o.Roots = x509.NewCertPool()
		if err := pemfile.AddCertificates(o.Roots, text); err != nil {
			return o, &configurationError{fmt.Errorf("acme.ca_root: %s: %w", s.ACME.CARoot, err)}
		}
	}
	if o.EABKeyID == "" {
		return o, nil
	}
	key := s.ACME.EABKey
	if s.ACME.EABKeyFile != "" {
		text, err := readSmall(s.ACME.EABKeyFile)
		if err != nil {
			return o, &configurationError{fmt.Errorf("acme.eab_key_file: %w", err)}
		}
		key = string(text)
	}
	var err error
	if o.EABKey, err = config.DecodeEABKey(key); err != nil || len(o.EABKey) == 0 {
		return o, &configurationError{errors.New("acme.eab_key_file: what it holds is not base64url")} // and is not quoted
	}
	return o, nil
}

// acmeChallenges are the challenges that the listeners can answer, in the order of the settings.
func acmeChallenges(s *config.Settings) []acmecert.Challenge {
	var usable []acmecert.Challenge
	for _, name := range s.ACME.Challenges {
		c := acmecert.Challenge(name)
		if c == acmecert.HTTP01 && mode(s.Listen) == "https" || slices.Contains(usable, c) {
			continue
		}
		usable = append(usable, c)
	}
	return usable
}

// tellACME adds to the list how each host of the manager stands: to its certificate, or as one that is not there yet.
func (d *Daemon) tellACME(list []admin.Certificate, now time.Time) []admin.Certificate {
	if d.acme == nil {
		return list
	}
	for _, s := range d.acme.Status(now) {
		i := slices.IndexFunc(list, func(c admin.Certificate) bool {
			isOurs := c.Source == string(certs.SourceACME) || c.Source == string(certs.SourceSelfSigned)
			return isOurs && slices.Contains(c.Names, s.Host)
		})
		if i < 0 {
			list = append(list, admin.Certificate{Names: []string{s.Host}, Source: string(certs.SourceACME), Warnings: []string{}})
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
