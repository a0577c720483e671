package admin

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/pemfile"
)

// maxAccessFile bounds what is read of a certificate or key file.
const maxAccessFile = 1 << 20

// AccessOptions say who may come in over TLS, and how the daemon shows who it is.
type AccessOptions struct {
	CertFile     string // PEM, the daemon's chain, leaf first
	KeyFile      string // PEM
	ClientCAFile string // PEM, the authorities that clients' certificates must come from

	// The certificates that have each role, see docs/control-over-tls.md. One in several lists has the greatest role.
	Admin   []string
	Publish []string
	Read    []string
}

// Access is what the TLS door goes by. It is checked, and never changed.
type Access struct {
	certFile     string
	keyFile      string
	clientCAFile string
	certificate  tls.Certificate
	clientCAs    *x509.CertPool
	authorities  []*x509.Certificate // of clientCAs
	roles        map[identity]api.Role
}

// Complaints are what does not work at now, or will not for long.
func (a *Access) Complaints(now time.Time) []string {
	var all []string
	switch leaf := a.certificate.Leaf; {
	case now.Before(leaf.NotBefore):
		all = append(all, fmt.Sprintf("certificate %s is valid only from %s on, and clients refuse it until then; is the clock right?", a.certFile, second(leaf.NotBefore)))
	case now.After(leaf.NotAfter):
		all = append(all, fmt.Sprintf("certificate %s expired on %s, and clients refuse it; renew it", a.certFile, day(leaf.NotAfter)))
	case isDue(leaf, now):
		all = append(all, fmt.Sprintf("certificate %s expires on %s, in less than a third of its lifetime; renew it", a.certFile, day(leaf.NotAfter)))
	}
	for _, c := range a.authorities {
		switch {
		case now.Before(c.NotBefore):
			all = append(all, fmt.Sprintf("authority of clients %q is valid only from %s on: nobody gets in with its certificates until then; is the clock right?", c.Subject, second(c.NotBefore)))
		case now.After(c.NotAfter):
			all = append(all, fmt.Sprintf("authority of clients %q expired on %s: nobody gets in with its certificates", c.Subject, day(c.NotAfter)))
		case c.NotAfter.Sub(now) < authorityNotice:
			all = append(all, fmt.Sprintf("authority of clients %q expires on %s: make another, and new certificates", c.Subject, day(c.NotAfter)))
		}
	}
	return all
}

// authorityNotice is how long before its end an authority is complained of: its certificates last 90 days.
const authorityNotice = 90 * 24 * time.Hour

// isDue says whether less than a third of the certificate's life is left.
func isDue(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) < c.NotAfter.Sub(c.NotBefore)/3
}

// Leaf is the daemon's certificate, not to be changed.
func (a *Access) Leaf() *x509.Certificate { return a.certificate.Leaf }

// Fingerprint is the SHA-256 of the daemon's certificate.
func (a *Access) Fingerprint() string {
	sum := sha256.Sum256(a.certificate.Leaf.Raw)
	return hex.EncodeToString(sum[:])
}

// IsKeyReadable says whether the process, as it is now, could read the daemon's key again.
func (a *Access) IsKeyReadable() bool {
	f, err := openAccessFile(a.keyFile)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// LoadAccess reads the files and checks all of it for a start at now. The error has everything that is wrong, as
// [*SettingError]s.
func LoadAccess(o AccessOptions, now time.Time) (*Access, error) {
	a := &Access{certFile: o.CertFile, keyFile: o.KeyFile, clientCAFile: o.ClientCAFile, roles: make(map[identity]api.Role)}
	wrong := a.loadCertificate(o.CertFile, o.KeyFile, now)
	if err := a.loadClientCAs(o.ClientCAFile, now); err != nil {
		wrong = append(wrong, &SettingError{"tls.client_ca_file", err})
	}
	if err := errors.Join(append(wrong, a.addRoles(o)...)...); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Access) loadCertificate(certFile, keyFile string, now time.Time) (wrong []error) {
	certPEM, errCert := readCertificateFile(certFile)
	keyPEM, errKey := readPrivateKeyFile(keyFile)
	if errCert != nil {
		wrong = append(wrong, &SettingError{"tls.cert_file", errCert})
	}
	if errKey != nil {
		wrong = append(wrong, &SettingError{"tls.key_file", errKey})
	}
	if len(wrong) > 0 {
		return wrong
	}
	var err error
	if a.certificate, err = pemfile.KeyPair(certFile, certPEM, keyFile, keyPEM); err != nil {
		return []error{&SettingError{"tls.key_file", err}}
	}
	if err := checkServerLeaf(a.certificate.Leaf, now); err != nil {
		return []error{&SettingError{"tls.cert_file", fmt.Errorf("certificate %s %w", certFile, err)}}
	}
	return nil
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

func (a *Access) loadClientCAs(file string, now time.Time) error {
	text, _, err := readAccessFile(file)
	if err != nil {
		return fmt.Errorf("read the authorities of clients: %w", err)
	}
	a.clientCAs = x509.NewCertPool()
	all, err := pemfile.Certificates(text)
	if err != nil {
		return fmt.Errorf("authorities of clients %s: %w", file, err)
	}
	usable := 0
	for i, c := range all {
		if !c.IsCA {
			return fmt.Errorf("authorities of clients %s: number %d in the file (%s) is not an authority's certificate", file, i+1, c.Subject)
		}
		if !now.After(c.NotAfter) {
			usable++
		}
		a.clientCAs.AddCert(c)
		a.authorities = append(a.authorities, c)
	}
	if usable == 0 {
		return fmt.Errorf("authorities of clients %s: all of them have expired", file)
	}
	return nil
}

func (a *Access) addRoles(o AccessOptions) (wrong []error) {
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

// Follow refuses to stand in the place of old at now, if the daemon's certificate, or all authorities, are not valid yet
// where old's are valid. Nobody is helped by a renewal before its time.
func (a *Access) Follow(old *Access, now time.Time) error {
	leaf := a.certificate.Leaf
	if now.Before(leaf.NotBefore) && isValid(old.certificate.Leaf, now) {
		return fmt.Errorf("certificate %s: it is valid only from %s on, and the one before, which is valid now, stays until then", a.certFile, second(leaf.NotBefore))
	}
	isGood := func(c *x509.Certificate) bool { return isValid(c, now) }
	if !slices.ContainsFunc(a.authorities, isGood) && slices.ContainsFunc(old.authorities, isGood) {
		return fmt.Errorf("authorities of clients %s: none of them is valid yet, and those before stay until then", a.clientCAFile)
	}
	return nil
}

func isValid(c *x509.Certificate, now time.Time) bool {
	return !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}

// verify checks that a chain, the client's certificate first, comes from an authority of clients, and was good at the time
// when it was shown.
func (a *Access) verify(chain []*x509.Certificate, shown time.Time) error {
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

// roleOf returns the greatest role that any identity of the certificate has, and that identity, which is empty if none has
// one.
func (a *Access) roleOf(c *x509.Certificate) (api.Role, string) {
	role, by := api.RoleNone, ""
	for _, id := range api.Identities(c) {
		if r, ok := a.roles[identity(id)]; ok && !role.Includes(r) {
			role, by = r, id
		}
	}
	return role, by
}

func isFor(c *x509.Certificate, use x509.ExtKeyUsage) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, use) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

func readAccessFile(path string) ([]byte, os.FileMode, error) {
	f, err := openAccessFile(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxAccessFile+1))
	if err != nil {
		return nil, 0, err
	}
	if len(text) > maxAccessFile {
		return nil, 0, fmt.Errorf("%s is longer than %d bytes", path, maxAccessFile)
	}
	return text, info.Mode(), nil
}

// openAccessFile does not wait for the other end of a FIFO.
func openAccessFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }
