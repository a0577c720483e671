package pemfile

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
)

// Types of blocks.
const (
	TypeCertificate = "CERTIFICATE"
	typeECParams    = "EC PARAMETERS" // openssl writes the name of the curve before the key
	typeDHParams    = "DH PARAMETERS" // some servers require them in the file of the certificate
)

// IsPrivateKey reports whether a block of that type is a private key, encrypted or not.
func IsPrivateKey(kind string) bool {
	return kind == "PRIVATE KEY" || strings.HasSuffix(kind, " PRIVATE KEY")
}

// IsParameters reports whether a block of that type holds the parameters of a key.
func IsParameters(kind string) bool { return kind == typeECParams || kind == typeDHParams }

// advice states how to convert certificates in formats that cannot be served.
var advice = map[string]string{
	"TRUSTED CERTIFICATE":     "it is in a form of OpenSSL's own; convert it with openssl x509",
	"X509 CERTIFICATE":        "write CERTIFICATE in its first and last line",
	"X.509 CERTIFICATE":       "write CERTIFICATE in its first and last line",
	"PKCS7":                   "convert it with openssl pkcs7 -print_certs",
	"CMS":                     "convert it with openssl pkcs7 -print_certs",
	"CERTIFICATE REQUEST":     "that is what an authority is asked with, not what it answers",
	"NEW CERTIFICATE REQUEST": "that is what an authority is asked with, not what it answers",
}

// Certificates returns the certificates of a text in order, at least one. The text may also contain
// a private key and parameters of keys. Any other block is an error, and so is a certificate that
// does not parse.
func Certificates(text []byte) ([]*x509.Certificate, error) {
	blocks, err := Blocks(text)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for _, b := range blocks {
		switch {
		case b.Type == TypeCertificate:
			c, err := x509.ParseCertificate(b.Bytes)
			if err != nil {
				return nil, errorAt(b.Line, "the certificate that begins here is damaged: %v", err)
			}
			all = append(all, c)
		case !IsPrivateKey(b.Type) && !IsParameters(b.Type):
			return nil, b.unexpected("a certificate")
		}
	}
	if len(all) == 0 {
		return nil, &Error{What: "there is no PEM certificate in the file"}
	}
	return all, nil
}

// unexpected returns the error for a block of the wrong type.
func (b Block) unexpected(wanted string) *Error {
	hint := advice[b.Type]
	if hint == "" {
		hint = "take it out"
	}
	return errorAt(b.Line, "a %s begins here, and not %s; %s", b.Type, wanted, hint)
}

// AddCertificates adds the certificates of a text, at least one, to a pool.
func AddCertificates(pool *x509.CertPool, text []byte) error {
	all, err := Certificates(text)
	if err != nil {
		return err
	}
	for _, c := range all {
		pool.AddCert(c)
	}
	return nil
}

// CheckKey returns an error unless a text contains one private key without a passphrase. It may
// also contain the certificate and parameters of keys.
func CheckKey(text []byte) error {
	blocks, err := Blocks(text)
	if err != nil {
		return err
	}
	var key *Block
	for i, b := range blocks {
		switch {
		case IsPrivateKey(b.Type) && key != nil:
			return errorAt(b.Line, "a second private key begins here, and the first one in line %d; give each a file of its own", key.Line)
		case b.Type == "ENCRYPTED PRIVATE KEY", IsPrivateKey(b.Type) && strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED"):
			return errorAt(b.Line, "the key that begins here is protected by a passphrase, which nobody can type here; store it without one (openssl pkey -in F -out G)")
		case IsPrivateKey(b.Type):
			key = &blocks[i]
		case b.Type != TypeCertificate && !IsParameters(b.Type):
			return b.unexpected("a private key")
		}
	}
	if key == nil {
		return &Error{What: "there is no PEM private key in the file"}
	}
	return nil
}

// KeyPair returns a certificate with its parsed leaf from the content of two files. The file names
// are for errors, which name the file and what is wrong with it.
func KeyPair(certFile string, certText []byte, keyFile string, keyText []byte) (tls.Certificate, error) {
	var wrong []error
	if _, err := Certificates(certText); err != nil {
		wrong = append(wrong, fmt.Errorf("certificate %s: %w", certFile, err))
	}
	if err := CheckKey(keyText); err != nil {
		wrong = append(wrong, fmt.Errorf("private key %s: %w", keyFile, err))
	}
	if len(wrong) > 0 {
		return tls.Certificate{}, errors.Join(wrong...)
	}
	pair, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate %s with private key %s: %w", certFile, keyFile, err)
	}
	return pair, nil
}
