package daemon

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/config"
)

// served returns the certificate that a client is shown who asks for a name, or for none.
func served(t *testing.T, listen, serverName string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(listen, "https://"), &tls.Config{ServerName: serverName, InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // only looked at
	return string(conn.ConnectionState().PeerCertificates[0].Raw)
}

func (r *running) listen() string {
	r.t.Helper()
	st, err := r.ctl.Status(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return st.Listen[0]
}

func (r *running) certificates() []api.Certificate {
	r.t.Helper()
	list, err := r.ctl.Certificates(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return list.Certificates
}

func TestSeveralCertificatesComeAndGoWithAReload(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	a := writeCertificate(t, path("a.pem"), path("a.key"), "a.example")
	b := writeCertificate(t, path("b.pem"), path("b.key"), "b.example")
	table := func(name string) string {
		return fmt.Sprintf("[[tls.certificate]]\ncert_file = %q\nkey_file = %q\n", path(name+".pem"), path(name+".key"))
	}
	r := start(t, table("a")+table("b"))
	listen := r.listen()
	for name, want := range map[string]string{"a.example": a, "b.example": b, "c.example": a} {
		if served(t, listen, name) != want {
			t.Errorf("%s gets the wrong certificate", name)
		}
	}
	if list := r.certificates(); len(list) != 2 || !list[0].Default || list[1].Default || list[1].Names[0] != "b.example" ||
		list[0].CertFile != path("a.pem") || list[0].KeyFile != path("a.key") || list[0].Source != "file" || list[0].Key != "ECDSA P-256" {
		t.Errorf("listed: %+v", list)
	}
	sinceA := r.certificates()[0].LoadedAt

	c := writeCertificate(t, path("c.pem"), path("c.key"), "c.example")
	r.configure("[tls]\nsession_tickets = false\nsni_strict = true\n" + table("c") + table("a"))
	re, err := r.ctl.Reload(t.Context())
	if err != nil || !slices.Equal(re.Changed, []string{"tls.sni_strict", "tls.session_tickets", "tls.certificate"}) || len(re.NeedsRestart) > 0 {
		t.Errorf("reload: %+v, %v", re, err)
	}
	for name, want := range map[string]string{"a.example": a, "c.example": c} {
		if served(t, listen, name) != want {
			t.Errorf("after the reload %s gets the wrong certificate", name)
		}
	}
	_, err = tls.Dial("tcp", strings.TrimPrefix(listen, "https://"), &tls.Config{ServerName: "b.example", InsecureSkipVerify: true})
	if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("b.example, which is not served any more, gets %v", err)
	}
	if list := r.certificates(); len(list) != 2 || !list[1].LoadedAt.Equal(sinceA) {
		t.Errorf("a.example is not the one of before: %+v", list)
	}

	os.Remove(path("a.key"))
	if _, err := r.ctl.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), path("a.key")) {
		t.Errorf("reload without a key: %v", err)
	}
	if served(t, listen, "a.example") != a {
		t.Error("a bad file took a good certificate away")
	}
	if list := r.certificates(); list[0].LastError != "" || !strings.Contains(list[1].LastError, path("a.key")) || list[1].LastErrorAt.IsZero() || list[1].NextTry.IsZero() {
		t.Errorf("listed: %+v", list)
	}
}

func TestReplacedCertificatesArePickedUp(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeCertificate(t, cert, key)
	r := start(t, "[tls]\nwatch = \"100ms\"\n", config.Assignment{Flag: "cert-file", Value: cert}, config.Assignment{Flag: "key-file", Value: key})
	listen := r.listen()
	second := writeCertificate(t, cert, key)
	r.waitFor("the new certificate", func() bool { return served(t, listen, "") == second })

	if err := os.WriteFile(cert, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.waitFor("the complaint", func() bool { return r.certificates()[0].LastError != "" })
	said := r.certificates()[0]
	r.waitFor("another attempt", func() bool { return r.certificates()[0].LastErrorAt.After(said.LastErrorAt) })
	if served(t, listen, "") != second {
		t.Error("a bad file took a good certificate away")
	}
	if !said.NextTry.After(said.LastErrorAt) {
		t.Errorf("failed at %v, next try at %v", said.LastErrorAt, said.NextTry)
	}
	if n := strings.Count(r.logged(), "replaced certificate cannot be used"); n != 1 {
		t.Errorf("the log complains %d times, want once", n)
	}

	third := writeCertificate(t, cert, key)
	r.waitFor("the third certificate", func() bool { return served(t, listen, "") == third })
	if list := r.certificates(); list[0].LastError != "" || !list[0].NextTry.IsZero() {
		t.Errorf("listed: %+v", list)
	}
}

func TestTheDevelopmentCertificateIsListedAndKept(t *testing.T) {
	r := start(t, "")
	before := r.certificates()
	if len(before) != 1 || before[0].Source != "dev" || !before[0].Default || before[0].DaysLeft != 29 || before[0].Due || len(before[0].Warnings) > 0 {
		t.Errorf("listed: %+v", before)
	}
	if _, err := r.ctl.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := r.certificates(); after[0].SHA256 != before[0].SHA256 {
		t.Error("a reload made another one")
	}
}

func TestWithoutTLSThereAreNoCertificates(t *testing.T) {
	d := &Daemon{}
	if list := d.certificates.list(time.Now()); len(list) > 0 {
		t.Errorf("listed: %+v", list)
	}
	if _, ok := d.control.certificate(time.Now(), time.Time{}); ok {
		t.Error("the control port has one")
	}
	if changed := d.certificates.use(&config.Settings{}, nil, time.Now()); len(changed) > 0 {
		t.Errorf("changed: %q", changed)
	}
	r := &reading{settings: &config.Settings{}, now: time.Now(), daemon: d}
	if err := r.readCertificates(); r.certificates != nil || err != nil {
		t.Errorf("got %v, %v", r.certificates, err)
	}
}

func TestCertificatesThatExpireAreWarnedOfOnceADay(t *testing.T) {
	logs := &logBuffer{}
	store, err := certs.NewStore(certs.Policy{MinVersion: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	c := &certificates{log: slog.New(slog.NewTextHandler(logs, nil)), store: store}
	now := time.Now()
	pair, err := certs.Development(now) // for 30 days
	if err != nil {
		t.Fatal(err)
	}
	store.SetFiles([]*certs.Pair{pair}, 0)
	warned := expiryWarnings{"gone": now}
	for _, step := range []struct {
		day               float64
		warnings, expired int
	}{
		{19.9, 0, 0},
		{20.1, 1, 0},
		{21, 1, 0},
		{21.2, 2, 0},
		{29.9, 3, 0},
		{30.1, 3, 1}, // at once, though it was warned of a few hours ago
		{31, 3, 1},
		{31.2, 3, 2},
	} {
		c.warnOfExpiry(warned, now.Add(time.Duration(step.day*24*float64(time.Hour))))
		text := logs.String()
		warnings, expired := strings.Count(text, "needs attention"), strings.Count(text, "has expired")
		if warnings != step.warnings || expired != step.expired {
			t.Errorf("day %v: %d warnings, %d complaints of the end, want %d and %d\n%s", step.day, warnings, expired, step.warnings, step.expired, text)
		}
	}
	if _, ok := warned["gone"]; ok || len(warned) != 1 {
		t.Errorf("remembered: %v", warned)
	}
}

func TestAnOCSPResponseThatExpiresIsWarnedOfOnceADay(t *testing.T) {
	now := time.Now()
	files := writeStapled(t, now)
	logs := &logBuffer{}
	store, err := certs.NewStore(certs.Policy{MinVersion: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	c := &certificates{log: slog.New(slog.NewTextHandler(logs, nil)), store: store, files: certs.NewKeeper(store)}
	reading, err := c.files.Read([]certs.Files{files}, now)
	if err != nil {
		t.Fatal(err)
	}
	c.files.Use(reading)
	warned := expiryWarnings{}
	for _, step := range []struct {
		hour        float64
		soon, ended int
	}{
		{59, 0, 0},
		{61, 1, 0},
		{71, 1, 0},
		{72.1, 1, 1}, // at once, though it was warned of a few hours ago
		{96, 1, 1},
		{96.2, 1, 2},
	} {
		c.warnOfExpiry(warned, now.Add(time.Duration(step.hour*float64(time.Hour))))
		text := logs.String()
		soon, ended := strings.Count(text, "is then left out"), strings.Count(text, "and is left out")
		if soon != step.soon || ended != step.ended {
			t.Errorf("hour %v: %d warnings before the end and %d after, want %d and %d\n%s", step.hour, soon, ended, step.soon, step.ended, text)
		}
	}
	listed := c.list(now.Add(80 * time.Hour))[0]
	if listed.StapleUntil.Sub(now).Round(time.Minute) != 72*time.Hour || len(listed.Warnings) != 1 || !strings.Contains(listed.Warnings[0], "is left out") {
		t.Errorf("listed: until %s, %q", listed.StapleUntil, listed.Warnings)
	}
}

// writeStapled writes a certificate for 90 days from now on, with an OCSP answer for three.
func writeStapled(t *testing.T, now time.Time) certs.Files {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var chain []*x509.Certificate // the issuer first; both have the same key
	for _, template := range []*x509.Certificate{
		{Subject: pkix.Name{CommonName: "issuer"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign},
		{Subject: pkix.Name{CommonName: "a.example"}, DNSNames: []string{"a.example"}},
	} {
		template.SerialNumber = big.NewInt(int64(len(chain)) + 1)
		template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.Add(90*24*time.Hour)
		issuer := template
		if len(chain) > 0 {
			issuer = chain[0]
		}
		der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, c)
	}
	answer, err := ocsp.CreateResponse(chain[0], chain[0], ocsp.Response{
		Status: ocsp.Good, SerialNumber: chain[1].SerialNumber, IssuerHash: crypto.SHA1,
		ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(72 * time.Hour),
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	block := func(c *x509.Certificate) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return certs.Files{
		Cert: write("cert.pem", append(block(chain[1]), block(chain[0])...)),
		Key:  write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})),
		OCSP: write("ocsp.der", answer),
	}
}
