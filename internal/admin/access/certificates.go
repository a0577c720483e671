package access

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/pemfile"
)

// loadCertificate reads the daemon's certificate and its key.
func loadCertificate(certFile, keyFile string, now time.Time) (pair tls.Certificate, wrong []error) {
	certPEM, errCert := readCertificateFile(certFile)
	keyPEM, errKey := readPrivateKeyFile(keyFile)
	if errCert != nil {
		wrong = append(wrong, &SettingError{"tls.cert_file", errCert})
	}
	if errKey != nil {
		wrong = append(wrong, &SettingError{"tls.key_file", errKey})
	}
	if len(wrong) > 0 {
		return pair, wrong
	}
	pair, err := pemfile.KeyPair(certFile, certPEM, keyFile, keyPEM)
	if err != nil {
		return pair, []error{&SettingError{"tls.key_file", err}}
	}
	if err := checkServerLeaf(pair.Leaf, now); err != nil {
		return pair, []error{&SettingError{"tls.cert_file", fmt.Errorf("certificate %s %w", certFile, err)}}
	}
	return pair, nil
}

func readCertificateFile(path string) ([]byte, error) {
	text, _, err := readAccessFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the certificate of the control port: %w", err)
	}
	if _, err := pemfile.Certificates(text); err != nil {
		return nil, fmt.Errorf("certificate %s: %w", path, err)
	}
	return text, nil
}

func readPrivateKeyFile(path string) ([]byte, error) {
	text, mode, err := readAccessFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the private key of the control port: %w", err)
	}
	if mode.Perm()&0o007 != 0 {
		return nil, fmt.Errorf("the private key %s can be read by every user of this machine (mode %04o): make it 0600, or 0640 and of the daemon's group",
			path, mode.Perm())
	}
	if err := pemfile.CheckKey(text); err != nil {
		return nil, fmt.Errorf("private key %s: %w", path, err)
	}
	return text, nil
}

// checkServerLeaf refuses a certificate that clients would refuse.
func checkServerLeaf(leaf *x509.Certificate, now time.Time) error {
	switch {
	case now.After(leaf.NotAfter):
		return fmt.Errorf("expired on %s: make a new one, as with hassesctl pki issue daemon", day(leaf.NotAfter))
	case !isFor(leaf, x509.ExtKeyUsageServerAuth):
		return errors.New("is not meant for servers (extendedKeyUsage without serverAuth), so clients would refuse it")
	case len(leaf.DNSNames) == 0 && len(leaf.IPAddresses) == 0:
		return errors.New("names no host in subjectAltName, so clients would refuse it")
	}
	return nil
}

// loadAuthorities reads the certificates of the authorities of clients.
func loadAuthorities(file string, now time.Time) ([]*x509.Certificate, error) {
	text, _, err := readAccessFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the authorities of clients: %w", err)
	}
	all, err := pemfile.Certificates(text)
	if err != nil {
		return nil, fmt.Errorf("authorities of clients %s: %w", file, err)
	}
	usable := 0
	for i, c := range all {
		if !c.IsCA {
			return nil, fmt.Errorf("authorities of clients %s: number %d in the file (%s) is not an authority's certificate", file, i+1, c.Subject)
		}
		if !now.After(c.NotAfter) {
			usable++
		}
	}
	if usable == 0 {
		return nil, fmt.Errorf("authorities of clients %s: all of them have expired", file)
	}
	return all, nil
}

func isFor(c *x509.Certificate, use x509.ExtKeyUsage) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, use) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }
