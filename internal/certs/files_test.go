package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/pemfile"
)

func TestLoadFilesTakesTheWholeChain(t *testing.T) {
	c := newChain(t)
	for name, chain := range map[string][]issued{
		"leaf alone": {c.leaf},
		"chain":      {c.leaf, c.intermediate},
		"with root":  {c.leaf, c.intermediate, c.root},
	} {
		t.Run(name, func(t *testing.T) {
			certFile, keyFile := writePair(t, t.TempDir(), chain...)
			p, err := LoadFiles(Files{Cert: certFile, Key: keyFile}, noon)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.PEM(); !bytes.Equal(got, certPEM(chain...)) {
				t.Errorf("PEM is\n%s\nwant\n%s", got, certPEM(chain...))
			}
			if w := p.Info().Warnings; len(w) > 0 {
				t.Errorf("warnings %q", w)
			}
		})
	}
}

func TestInfo(t *testing.T) {
	c := newChain(t)
	certFile, keyFile := writePair(t, t.TempDir(), c.leaf, c.intermediate)
	p, err := LoadFiles(Files{Cert: certFile, Key: keyFile}, noon)
	if err != nil {
		t.Fatal(err)
	}
	info := p.Info()
	if info.Subject != "CN=www.example.org" || info.Issuer != "CN=intermediate" || len(info.SHA256) != 64 ||
		!info.NotAfter.Equal(noon.Add(89*24*time.Hour)) || !slices.Equal(info.Names, []string{"www.example.org", "192.0.2.1"}) {
		t.Errorf("got %+v", info)
	}
	if got := info.LogValue().String(); !strings.Contains(got, "subject=CN=www.example.org") || strings.Contains(got, "PRIVATE") {
		t.Errorf("it is logged as %s", got)
	}
}

func TestKeyForms(t *testing.T) {
	leaf := issue(t, nil, server())
	ecDER, err := x509.MarshalECPrivateKey(leaf.key.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	ecPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: ecDER})
	params := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 1, 1}})
	rsaLeaf := issueFor(t, rsaKey(t, 2048), nil, server())
	rsaPEM := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey(t, 2048))})
	for _, c := range []struct {
		name      string
		cert, key []byte
	}{
		{"PKCS 8", certPEM(leaf), keyPEM(t, leaf.key)},
		{"SEC 1", certPEM(leaf), ecPEM},
		{"SEC 1 after its parameters", certPEM(leaf), append(params, ecPEM...)},
		{"PKCS 1", certPEM(rsaLeaf), rsaPEM},
		{"text around", append([]byte("Certificate:\n  Data:\n"), certPEM(leaf)...), append([]byte("# mine\n"), keyPEM(t, leaf.key)...)},
		{"both in one file", append(keyPEM(t, leaf.key), certPEM(leaf)...), append(certPEM(leaf), keyPEM(t, leaf.key)...)},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := LoadFiles(Files{Cert: write(t, dir, "c", c.cert), Key: write(t, dir, "k", c.key)}, noon); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLoadFilesRefuses(t *testing.T) {
	c := newChain(t)
	other := issue(t, nil, server())
	expired := issue(t, &c.intermediate, server(), valid(noon.Add(-48*time.Hour), noon.Add(-24*time.Hour)))
	stapled := issue(t, nil, server(), func(cert *x509.Certificate) {
		cert.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}}
	})
	key := keyPEM(t, c.leaf.key)
	for _, test := range []struct {
		name      string
		cert, key []byte // nil: there is no file
		want      string // CERT and KEY stand for the paths
	}{
		{"no certificate file", nil, key, "read certificate: open CERT: no such file"},
		{"no key file", certPEM(c.leaf), nil, "read private key: open KEY: no such file"},
		{"empty certificate file", []byte(""), key, "certificate CERT: there is no PEM certificate in the file"},
		{"key for a certificate", key, key, "certificate CERT: there is no PEM certificate in the file"},
		{"broken certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), key, "certificate CERT: line 1: the certificate that begins here is damaged: x509: "},
		{"broken issuer", bytes.Replace(certPEM(c.leaf, c.intermediate), certPEM(c.intermediate)[30:34], []byte("M*II"), 2), key, "certificate CERT: line "},
		{"issuer cut off", certPEM(c.leaf, c.intermediate)[:len(certPEM(c.leaf))+80], key, "certificate CERT: line "},
		{"issuer behind a byte order mark", append(append(certPEM(c.leaf), "\ufeff"...), certPEM(c.intermediate)...), key, "certificate CERT: line "},
		{"certificate for a key", certPEM(c.leaf), certPEM(c.leaf), "private key KEY: there is no PEM private key in the file"},
		{"broken key", certPEM(c.leaf), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), "certificate CERT with private key KEY: tls: "},
		{"another's key", certPEM(c.leaf), keyPEM(t, other.key), "certificate CERT with private key KEY: tls: private key does not match"},
		{"passphrase", certPEM(c.leaf), pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")}), "private key KEY: line 1: the key that begins here is protected by a passphrase"},
		{"old passphrase", certPEM(c.leaf), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}, Bytes: []byte("x")}), "private key KEY: line 1: the key that begins here is protected by a passphrase"},
		{"expired", certPEM(expired), keyPEM(t, expired.key), "certificate CERT: it expired on 2026-05-31; renew it"},
		{"root before leaf", certPEM(c.intermediate, c.leaf), key, "certificate CERT: number 1 in the file (CN=intermediate) was not issued by number 2 (CN=www.example.org)"},
		{"gap in the chain", certPEM(c.leaf, c.root), key, "certificate CERT: number 1 in the file (CN=www.example.org) was not issued by number 2 (CN=root)"},
		{"a namesake of the issuer", certPEM(c.leaf, issue(t, nil, ca("intermediate"))), key, "certificate CERT: number 1 in the file"},
		{"leaf twice", certPEM(c.leaf, c.leaf), key, "certificate CERT: number 1 in the file"},
		{"must-staple", certPEM(stapled), keyPEM(t, stapled.key), "certificate CERT: it demands a stapled OCSP answer"},
		{"much too long", bytes.Repeat([]byte("x"), maxFile+1), key, "read certificate: CERT is longer than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			certFile, keyFile := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
			if test.cert != nil {
				write(t, dir, "c.pem", test.cert)
			}
			if test.key != nil {
				write(t, dir, "k.pem", test.key)
			}
			_, err := LoadFiles(Files{Cert: certFile, Key: keyFile}, noon)
			want := strings.NewReplacer("CERT", certFile, "KEY", keyFile).Replace(test.want)
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

func TestAPipeThatNobodyWritesToDoesNotHoldUpAReload(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := writePair(t, dir, issue(t, nil, server()))
	os.Remove(keyFile)
	if err := syscall.Mkfifo(keyFile, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadFiles(Files{Cert: certFile, Key: keyFile}, noon)
	if err == nil || !strings.Contains(err.Error(), keyFile+": there is no PEM private key") {
		t.Errorf("got %v", err)
	}
}

func TestKeySizes(t *testing.T) {
	// Only the number of bits of the public key counts here, so that no slow key has to be made.
	for _, c := range []struct {
		bits int
		want string // of the error; empty: accepted with a warning
	}{
		{1024, "less than 2048"},
		{2048, ""},
		{4096, ""},
		{4104, "more than 4096"},
	} {
		leaf := &x509.Certificate{PublicKey: publicRSA(c.bits)}
		warning, err := checkKeyType(leaf)
		if c.want == "" && (err != nil || !strings.Contains(warning, "RSA")) {
			t.Errorf("%d bits: %q, %v; want a warning", c.bits, warning, err)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d bits: got %v, want an error with %q", c.bits, err, c.want)
		}
	}
	if _, err := checkKeyType(&x509.Certificate{PublicKey: nil}); err == nil {
		t.Error("a key of an unknown type was accepted")
	}
}

func TestWarnings(t *testing.T) {
	root := issue(t, nil, ca("root"))
	old := issue(t, &root, ca("old"), valid(noon.Add(-48*time.Hour), noon.Add(-24*time.Hour)))
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		chain []issued
		want  string
	}{
		{"RSA", []issued{issueFor(t, rsaKey(t, 2048), nil, server())}, "its key is RSA"},
		{"Ed25519", []issued{issueFor(t, edKey, nil, server())}, "its key is Ed25519, which browsers refuse"},
		{"not yet valid", []issued{issue(t, nil, server(), valid(noon.Add(time.Hour), noon.Add(90*24*time.Hour)))}, "it is valid only from 2026-06-01T13:00:00Z on"},
		{"nearly over", []issued{issue(t, nil, server(), valid(noon.Add(-61*24*time.Hour), noon.Add(29*24*time.Hour)))}, "it expires on 2026-06-30, in less than a third of its lifetime"},
		{"no names", []issued{issue(t, nil, server(), func(x *x509.Certificate) { x.DNSNames, x.IPAddresses = nil, nil })}, "it names no host in subjectAltName"},
		{"for clients", []issued{issue(t, nil, server(), func(x *x509.Certificate) { x.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })}, "it is not meant for servers"},
		{"expired issuer", []issued{issue(t, &old, server()), old}, "number 2 of the chain (CN=old) expired on 2026-05-31"},
	} {
		t.Run(c.name, func(t *testing.T) {
			certFile, keyFile := writePair(t, t.TempDir(), c.chain...)
			p, err := LoadFiles(Files{Cert: certFile, Key: keyFile}, noon)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Info().Problems(noon); len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("warnings are %q, want one that begins with %q", got, c.want)
			}
		})
	}
}

func TestAKeyFileThatOthersCanTouchIsWarnedOf(t *testing.T) {
	leaf := issue(t, nil, server())
	for _, c := range []struct {
		mode os.FileMode
		want string
	}{
		{0o600, ""},
		{0o640, ""},
		{0o400, ""},
		{0o644, "can be read by every user"},
		{0o604, "can be read by every user"},
		{0o666, "can be read by every user"},
		{0o660, "can be replaced by others"},
		{0o602, "can be replaced by others"},
	} {
		certFile, keyFile := writePair(t, t.TempDir(), leaf)
		if err := os.Chmod(keyFile, c.mode); err != nil {
			t.Fatal(err)
		}
		p, err := LoadFiles(Files{Cert: certFile, Key: keyFile}, noon)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(p.Info().Warnings, "; ")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("mode %04o: warnings %q, want %q", c.mode, got, c.want)
		}
		if got != "" && !strings.Contains(got, keyFile) {
			t.Errorf("mode %04o: the warning does not name the file: %q", c.mode, got)
		}
	}
}

func TestLoadFilesTellsWhatIsWrongWithBothFiles(t *testing.T) {
	dir := t.TempDir()
	files := Files{Cert: filepath.Join(dir, "none.pem"), Key: write(t, dir, "key.pem", []byte("x"))}
	_, err := LoadFiles(files, noon)
	for _, want := range []FileError{
		{RoleCert, errors.New(files.Cert + ": no such file")},
		{RoleKey, errors.New("private key " + files.Key + ": there is no")},
	} {
		if !slices.ContainsFunc(fileErrors(err), func(e *FileError) bool { return e.Role == want.Role && strings.Contains(e.Error(), want.Error()) }) {
			t.Errorf("%v has no %s with %q", err, want.Role, want.Error())
		}
	}
}

// fileErrors takes an error of LoadFiles apart.
func fileErrors(err error) (all []*FileError) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range several.Unwrap() {
			all = append(all, fileErrors(one)...)
		}
		return all
	}
	var one *FileError
	if errors.As(err, &one) {
		all = append(all, one)
	}
	return all
}

func FuzzCheckChain(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		chain, err := pemfile.Certificates(text)
		if err != nil {
			return
		}
		if warnings, err := checkChain(chain, noon); err != nil && warnings != nil {
			t.Errorf("warnings %q beside the error %v", warnings, err)
		}
	})
}

func TestNewPairChecksWhatACAGave(t *testing.T) {
	c := newChain(t)
	pair := func(chain ...issued) (*Pair, error) {
		cert := tls.Certificate{PrivateKey: chain[0].key}
		for _, one := range chain {
			cert.Certificate = append(cert.Certificate, one.cert.Raw)
		}
		return NewPair(cert, noon, 0)
	}
	p, err := pair(c.leaf, c.intermediate)
	if err != nil || p.Info().Source != SourceACME || p.Info().Key != "ECDSA P-256" || !p.Info().LoadedAt.Equal(noon) {
		t.Errorf("got %+v, %v", p, err)
	}
	for name, chain := range map[string][]issued{
		"expired":      {issue(t, nil, server(), valid(noon.Add(-48*time.Hour), noon.Add(-24*time.Hour)))},
		"out of order": {c.intermediate, c.leaf},
		"must-staple":  {issue(t, nil, server(), mustStaple)},
	} {
		if _, err := pair(chain...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, key := range map[string]crypto.PrivateKey{"another's key": c.root.key, "no key": nil} {
		if _, err := NewPair(tls.Certificate{Certificate: [][]byte{c.leaf.cert.Raw}, PrivateKey: key}, noon, 0); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := NewPair(tls.Certificate{}, noon, 0); err == nil {
		t.Error("nothing: accepted")
	}
	if _, err := NewPair(tls.Certificate{Certificate: [][]byte{{1}}}, noon, 0); err == nil {
		t.Error("garbage: accepted")
	}
}

func TestTimeBringsComplaints(t *testing.T) {
	info := pairOf(t, issue(t, nil, server())).Info() // from a day before noon to 89 days after
	for day, want := range map[int]string{0: "", 58: "", 60: "it expires on 2026-08-29", 89: "it expires on 2026-08-29", 90: "it expired on 2026-08-29"} {
		now := noon.Add(time.Duration(day) * 24 * time.Hour)
		if got := strings.Join(info.Problems(now), "; "); (want == "") != (got == "") || !strings.HasPrefix(got, want) {
			t.Errorf("day %d: %q, want %q", day, got, want)
		}
		if info.IsDue(now) != (want != "") {
			t.Errorf("day %d: due %v", day, info.IsDue(now))
		}
	}
}
