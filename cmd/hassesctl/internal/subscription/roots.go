package subscription

import (
	"crypto/x509"
	"fmt"
	"os"

	"github.com/hassesd/hassesd/internal/pemfile"
)

// Roots returns the certificates of the system, of the file and of the text. File and text may be
// empty.
func Roots(file, text string) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the certificates to trust: %w", err)
		}
		if err := pemfile.AddCertificates(roots, data); err != nil {
			return nil, fmt.Errorf("read the certificates to trust in %s: %w", file, err)
		}
	}
	if text != "" {
		if err := pemfile.AddCertificates(roots, []byte(text)); err != nil {
			return nil, fmt.Errorf("read the daemon's own certificate: %w", err)
		}
	}
	return roots, nil
}

// RootsPEM returns the certificates of the file, or those of the text if there is no file.
func RootsPEM(file, text string) (string, error) {
	if file == "" {
		return text, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read the certificates to trust: %w", err)
	}
	if _, err := pemfile.Certificates(data); err != nil {
		return "", fmt.Errorf("read the certificates to trust in %s: %w", file, err)
	}
	return string(data), nil
}
