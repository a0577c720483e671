package certs

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/hassesd/hassesd/internal/pemfile"
)

// maxFile bounds the size of a certificate or key file. The longest chains have about 20 KiB.
const maxFile = 1 << 20

// maxRead bounds how long reading from a pipe may take.
const maxRead = 5 * time.Second

// Files are the paths of a certificate chain, leaf first, its private key, and optionally an OCSP
// response.
type Files struct {
	Cert string // PEM
	Key  string // PEM
	OCSP string // DER; empty: none
}

// LoadFiles reads a certificate with its key, and checks that clients are likely to accept them at
// now. The error is a [*FileError], or two of them joined if neither the certificate nor the key is
// usable.
func LoadFiles(f Files, now time.Time) (*Pair, error) {
	chain, certPEM, warnings, errCert := f.readChain(now)
	keyPEM, keyWarning, errKey := f.readKey()
	if err := errors.Join(errCert, errKey); err != nil {
		return nil, err
	}
	if keyWarning != "" {
		warnings = append(warnings, keyWarning)
	}
	certificate, err := pemfile.KeyPair(f.Cert, certPEM, f.Key, keyPEM)
	if err != nil {
		return nil, &FileError{RoleKey, err}
	}
	p := &Pair{certificate: certificate, info: newInfo(SourceFile, chain[0], now)}
	p.info.CertFile, p.info.KeyFile = f.Cert, f.Key
	if f.OCSP != "" {
		if err := p.addStaple(f.OCSP, chain, now); err != nil {
			return nil, &FileError{RoleOCSP, err}
		}
	}
	p.info.Warnings = warnings
	return p, nil
}

// readChain reads and checks the certificates of the chain.
func (f Files) readChain(now time.Time) (chain []*x509.Certificate, text []byte, warnings []string, err error) {
	text, _, err = readFile(f.Cert)
	if err != nil {
		return nil, nil, nil, &FileError{RoleCert, fmt.Errorf("read certificate: %w", err)}
	}
	chain, err = pemfile.Certificates(text)
	switch {
	case err != nil:
	case isMustStaple(chain[0]) && f.OCSP == "":
		err = errMustStaple
	default:
		if err = checkEnd(chain[0], now); err == nil {
			warnings, err = checkChain(chain, now)
		}
	}
	if err != nil {
		return nil, nil, nil, &FileError{RoleCert, fmt.Errorf("certificate %s: %w", f.Cert, err)}
	}
	return chain, text, warnings, nil
}

// readKey reads the private key. The warning is empty if there is none.
func (f Files) readKey() (text []byte, warning string, err error) {
	text, mode, err := readFile(f.Key)
	if err != nil {
		return nil, "", &FileError{RoleKey, fmt.Errorf("read private key: %w", err)}
	}
	if err := pemfile.CheckKey(text); err != nil {
		return nil, "", &FileError{RoleKey, fmt.Errorf("private key %s: %w", f.Key, err)}
	}
	return text, modeWarning(f.Key, mode), nil
}

// Role is what a file contains.
type Role string

// The roles, named like their settings.
const (
	RoleCert Role = "cert_file"
	RoleKey  Role = "key_file"
	RoleOCSP Role = "ocsp_file"
)

// FileError is an error in one of a certificate's files.
type FileError struct {
	Role Role
	Err  error // contains the name of the file
}

func (e *FileError) Error() string { return e.Err.Error() }

func (e *FileError) Unwrap() error { return e.Err }

// LoadError is an error in one of several certificates.
type LoadError struct {
	Files Files
	Err   error // contains the name of the file
}

func (e *LoadError) Error() string { return e.Err.Error() }

func (e *LoadError) Unwrap() error { return e.Err }

// readFile reads a whole file. The file may be a pipe, for which readFile waits at most maxRead.
func readFile(path string) ([]byte, os.FileMode, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(maxRead)) // regular files have no deadline and do not block for long
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, 0, err
	}
	if len(text) > maxFile {
		return nil, 0, fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}
	return text, info.Mode(), nil
}

func modeWarning(path string, mode os.FileMode) string {
	switch perm := mode.Perm(); {
	case perm&0o004 != 0:
		return fmt.Sprintf("private key %s can be read by every user of this machine (mode %04o); use 0640 or 0600", path, perm)
	case perm&0o022 != 0:
		return fmt.Sprintf("private key %s can be replaced by others than its owner (mode %04o); use 0640 or 0600", path, perm)
	}
	return ""
}

// addStaple reads the OCSP response in file, whose status for the leaf of the chain must be good.
// While the response has expired or is not valid yet, it is not sent, and [Info.Problems] reports
// it: clients accept the certificate without one, unless the certificate requires it.
func (p *Pair) addStaple(file string, chain []*x509.Certificate, now time.Time) error {
	der, _, err := readFile(file)
	if err != nil {
		return fmt.Errorf("read OCSP answer: %w", err)
	}
	s := staple{certificate: p.certificate}
	s.certificate.OCSPStaple = der
	if s.from, s.until, err = checkStaple(der, chain); err != nil {
		return fmt.Errorf("OCSP answer %s: %w", file, err)
	}
	if isMustStaple(chain[0]) && !s.isGood(now) {
		what := "it ended at " + second(s.until)
		if now.Before(s.from) {
			what = "it is good only from " + second(s.from) + " on"
		}
		return fmt.Errorf("OCSP answer %s: %s, and the certificate demands one; fetch it anew", file, what)
	}
	p.info.StapleFile, p.info.StapleFrom, p.info.StapleUntil = file, s.from, s.until
	p.staples = []staple{s}
	return nil
}
