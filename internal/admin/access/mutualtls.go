package access

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// MutualTLSOptions are who may connect over TLS, and the certificate that the daemon shows.
type MutualTLSOptions struct {
	CertFile     string // PEM, the daemon's chain, leaf first
	KeyFile      string // PEM
	ClientCAFile string // PEM, the authorities that clients' certificates must come from

	// The certificates that have each role, see docs/control-over-tls.md. A certificate in several
	// lists has the greatest role.
	Admin   []string
	Publish []string
	Read    []string
}

// MutualTLS is what connections over TLS are judged by: MutualTLSOptions, read and checked. It
// never changes.
type MutualTLS struct {
	certFile     string
	keyFile      string
	clientCAFile string
	certificate  tls.Certificate
	clientCAs    *x509.CertPool
	authorities  []*x509.Certificate // of clientCAs
	roles        map[identity]api.Role
}

// Leaf returns the daemon's certificate. It must not be changed.
func (a *MutualTLS) Leaf() *x509.Certificate { return a.certificate.Leaf }

// Fingerprint returns the SHA-256 of the daemon's certificate.
func (a *MutualTLS) Fingerprint() string {
	sum := sha256.Sum256(a.certificate.Leaf.Raw)
	return hex.EncodeToString(sum[:])
}

// IsKeyReadable reports whether the process, with its present rights, could read the daemon's key
// again.
func (a *MutualTLS) IsKeyReadable() bool {
	f, err := openAccessFile(a.keyFile)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// LoadMutualTLS reads the files and checks everything for a start at now. The error joins all that
// is wrong, as [*SettingError]s.
func LoadMutualTLS(o MutualTLSOptions, now time.Time) (*MutualTLS, error) {
	a := &MutualTLS{
		certFile: o.CertFile, keyFile: o.KeyFile, clientCAFile: o.ClientCAFile,
		clientCAs: x509.NewCertPool(), roles: make(map[identity]api.Role),
	}
	var wrong []error
	a.certificate, wrong = loadCertificate(o.CertFile, o.KeyFile, now)
	var err error
	if a.authorities, err = loadAuthorities(o.ClientCAFile, now); err != nil {
		wrong = append(wrong, &SettingError{"tls.client_ca_file", err})
	}
	for _, c := range a.authorities {
		a.clientCAs.AddCert(c)
	}
	if err := errors.Join(append(wrong, a.addRoles(o)...)...); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *MutualTLS) addRoles(o MutualTLSOptions) (wrong []error) {
	for _, list := range []struct {
		role  api.Role
		names []string
	}{{api.RoleRead, o.Read}, {api.RolePublish, o.Publish}, {api.RoleAdmin, o.Admin}} { // a later one is greater
		for _, text := range list.names {
			id, err := parseIdentity(text)
			if err != nil {
				wrong = append(wrong, &SettingError{"tls." + string(list.role), fmt.Errorf("role %s: %w", list.role, err)})
				continue
			}
			a.roles[id] = list.role
		}
	}
	if len(wrong) == 0 && len(a.roles) == 0 {
		return []error{&SettingError{"tls.admin", errors.New("no certificate has a role, so nobody could use the control port: name one in control.tls.admin, publish or read")}}
	}
	return wrong
}

// Verify checks that a chain, the client's certificate first, comes from an authority of clients,
// and was good at the time when it was shown.
func (a *MutualTLS) Verify(chain []*x509.Certificate, shown time.Time) error {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots:         a.clientCAs,
		Intermediates: intermediates,
		CurrentTime:   shown,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

// RoleOf returns the greatest role that any identity of the certificate has, and that identity,
// which is empty if none has one.
func (a *MutualTLS) RoleOf(c *x509.Certificate) (api.Role, string) {
	role, by := api.RoleNone, ""
	for _, id := range api.Identities(c) {
		if r, ok := a.roles[identity(id)]; ok && !role.Includes(r) {
			role, by = r, id
		}
	}
	return role, by
}

// Config returns a new configuration of a server: TLS 1.3 and a client certificate from one of the
// authorities. Sessions are not resumed, so that no connection is admitted under rules that no
// longer apply.
func (a *MutualTLS) Config() *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{a.certificate},
		ClientCAs:              a.clientCAs,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		MinVersion:             tls.VersionTLS13,
		CurvePreferences:       []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		NextProtos:             []string{api.ALPN},
		SessionTicketsDisabled: true,
	}
}
