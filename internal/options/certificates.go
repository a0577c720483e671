package options

import (
	"slices"

	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/config"
)

// CertificateFiles returns the files of all certificates, those of the default certificate first.
func CertificateFiles(s *config.Settings) []certs.Files {
	all := s.TLS.All()
	files := make([]certs.Files, 0, len(all))
	for _, c := range all {
		files = append(files, FilesOf(c))
	}
	return files
}

// FilesOf returns the files of one certificate.
func FilesOf(c config.Certificate) certs.Files {
	return certs.Files{Cert: c.CertFile, Key: c.KeyFile, OCSP: c.OCSPFile}
}

// TLSPolicy returns what the listeners negotiate.
func TLSPolicy(s *config.Settings) certs.Policy {
	return certs.Policy{MinVersion: s.TLS.MinVersion, SNIStrict: s.TLS.SNIStrict, Tickets: s.TLS.SessionTickets, HTTP2: s.HTTP2}
}

// UsesACME reports whether certificates are obtained over ACME.
func UsesACME(s *config.Settings) bool { return len(s.ACME.Hosts) > 0 && Mode(s.Listen) != "http" }

// ACME returns the options of the ACME manager, but for the content of files.
func ACME(s *config.Settings) acmecert.Options {
	return acmecert.Options{
		Hosts:      s.ACME.Hosts,
		Email:      s.ACME.Email,
		Directory:  s.ACME.Directory,
		CacheDir:   s.ACME.CacheDir,
		EABKeyID:   s.ACME.EABKeyID,
		Challenges: acmeChallenges(s),
		SelfSigned: s.ACME.Fallback == "selfsigned",
	}
}

// acmeChallenges returns the challenges that the listeners can answer, in the order of the
// settings.
func acmeChallenges(s *config.Settings) []acmecert.Challenge {
	var usable []acmecert.Challenge
	for _, name := range s.ACME.Challenges {
		c := acmecert.Challenge(name)
		if c == acmecert.HTTP01 && Mode(s.Listen) == "https" || slices.Contains(usable, c) {
			continue
		}
		usable = append(usable, c)
	}
	return usable
}
