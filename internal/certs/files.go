package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
)

// maxFile bounds what is read of a certificate or key file; the longest chains are some 20 KiB.
const maxFile = 1 << 20

// maxRead bounds how long somebody on the other end of a pipe may take.
const maxRead = 5 * time.Second

// Files names a certificate chain, leaf first, its private key, and perhaps an OCSP answer for it.
type Files struct {
	Cert string // PEM
	Key  string // PEM
	OCSP string // DER; empty: none
}

// LoadFiles reads a certificate with its key and checks that clients can be expected to accept them at now. Each error
// names its file.
func LoadFiles(f Files, now time.Time) (*Pair, error) {
	certPEM, _, err := readFile(f.Cert)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	chain, err := parseChain(certPEM)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", f.Cert, err)
	}
	if isMustStaple(chain[0]) && f.OCSP == "" {
		return nil, fmt.Errorf("certificate %s: %w", f.Cert, errMustStaple)
	}
	if err := checkEnd(chain[0], now); err != nil {
		return nil, fmt.Errorf("certificate %s: %w", f.Cert, err)
	}
	warnings, err := checkChain(chain, now)
	if err != nil {
		return nil, fmt.Errorf("certificate %s: %w", f.Cert, err)
	}
	keyPEM, mode, err := readFile(f.Key)
	if err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	if err := checkKeyPEM(keyPEM); err != nil {
		return nil, fmt.Errorf("private key %s: %w", f.Key, err)
	}
	if w := modeWarning(f.Key, mode); w != "" {
		warnings = append(warnings, w)
	}
	certificate, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with private key %s: %w", f.Cert, f.Key, err)
	}
	p := &Pair{certificate: certificate, info: newInfo(SourceFile, chain[0], now)}
	p.info.CertFile, p.info.KeyFile = f.Cert, f.Key
	if f.OCSP != "" {
		if err := p.addStaple(f.OCSP, chain, now); err != nil {
			return nil, err
		}
	}
	p.info.Warnings = warnings
	return p, nil
}

// LoadError is what is wrong with one certificate of several.
type LoadError struct {
	Files Files
	Err   error // it names the file
}

func (e *LoadError) Error() string { return e.Err.Error() }
func (e *LoadError) Unwrap() error { return e.Err }

// LoadSet reads several certificates. Where any of them is bad there is none, and the error is a [*LoadError] for each,
// joined.
func LoadSet(set []Files, now time.Time) ([]*Pair, error) {
	var pairs []*Pair
	var errs []error
	for _, f := range set {
		p, err := LoadFiles(f, now)
		if err != nil {
			errs = append(errs, &LoadError{f, err})
			continue
		}
		pairs = append(pairs, p)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return pairs, nil
}

// readFile reads a file as a whole. A pipe may stand in its place, for which it does not wait long.
func readFile(path string) ([]byte, os.FileMode, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	_ = f.SetReadDeadline(time.Now().Add(maxRead)) // regular files have none, and never block for long
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

// parseChain returns the certificates of a PEM file in their order. Other blocks, a key for instance, are
// passed over.
func parseChain(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("number %d in the file: %w", len(chain)+1, err)
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, errNoCertificate
	}
	return chain, nil
}

// checkKeyPEM says in plain words what crypto/tls would say in its own.
func checkKeyPEM(text []byte) error {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return errors.New("there is no PEM private key in the file")
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return errors.New("it is protected by a passphrase, which a daemon cannot type; store it without one (openssl pkey -in F -out G)")
		}
		if block.Type == "PRIVATE KEY" || strings.HasSuffix(block.Type, " PRIVATE KEY") {
			return nil
		}
	}
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
