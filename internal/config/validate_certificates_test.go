package config

import (
	"slices"
	"testing"
)

const twoCertificates = `
[tls]
cert_file = "a.pem"
key_file = "a.key"

[[tls.certificate]]
cert_file = "b.pem"
key_file = "b.key"

[[tls.certificate]]
cert_file = "c.pem"
key_file = 'c.key'
ocsp_file = "c.ocsp"

[history]
events = 7
`

func TestSeveralCertificates(t *testing.T) {
	in := loadTOML(twoCertificates)
	in.Flags = flags("--auth=none")
	s := mustLoad(t, in)
	want := []Certificate{
		{CertFile: "a.pem", KeyFile: "a.key"},
		{CertFile: "b.pem", KeyFile: "b.key"},
		{CertFile: "c.pem", KeyFile: "c.key", OCSPFile: "c.ocsp"},
	}
	if got := s.TLS.All(); !sameCertificates(got, want) || s.History.Events != 7 {
		t.Errorf("got %+v, history.events %d", got, s.History.Events)
	}
}

func TestTablesAloneAreEnough(t *testing.T) {
	in := loadTOML("[[tls.certificate]]\ncert_file = \"b.pem\"\nkey_file = \"b.key\"\n")
	in.Flags = flags("--auth=none")
	if s := mustLoad(t, in); s.TLS.CertFile != "" || len(s.TLS.All()) != 1 {
		t.Errorf("got %+v", s.TLS)
	}
}

func TestCertificateMistakes(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		want      []string
	}{
		{"single brackets", "[tls.certificate]\ncert_file = \"x\"\n", []string{"f:1:2: tls.certificate: is an array of tables; write the name in double brackets, [[tls.certificate]]"}},
		{"a value", "[tls]\ncertificate = \"x\"", []string{"f:2:1: tls.certificate: is an array of tables; write [[tls.certificate]]"}},
		{"an array", "tls.certificate = [{ cert_file = \"x\" }]", []string{"f:1:1: tls.certificate: is an array of tables; write [[tls.certificate]]"}},
		{"unknown key", "[[tls.certificate]]\ncert_file = \"x\"\nkeyfile = \"y\"\nkey_file = \"y\"", []string{`f:3:1: tls.certificate.keyfile: there is no such setting; did you mean "key_file"?`}},
		{"key below a key", "[[tls.certificate]]\ncert_file.x = \"x\"", []string{"f:2:1: tls.certificate.cert_file.x: there is no such setting", "f:1:3: tls.certificate: has no cert_file", "f:1:3: tls.certificate: has no key_file"}},
		{"table below it", "[[tls.certificate]]\ncert_file = \"x\"\nkey_file = \"y\"\n[tls.certificate.z]\na = 1", []string{"f:4:2: tls.certificate.z: there is no such setting"}},
		{"wrong type", "[[tls.certificate]]\ncert_file = 1\nkey_file = \"y\"", []string{"f:2:1: tls.certificate.cert_file: is an integer, but must be a string"}},
		{"no key", "\n[[tls.certificate]]\ncert_file = \"x\"\n", []string{"f:2:3: tls.certificate: has no key_file; name the file of its private key"}},
		{"nothing", "[[tls.certificate]]\n[[tls.certificate]]\ncert_file = \"x\"\nkey_file = \"y\"", []string{"f:1:3: tls.certificate: has no cert_file", "f:1:3: tls.certificate: has no key_file"}},
		{"control character", "[[tls.certificate]]\ncert_file = \"x\\u0007\"\nkey_file = \"y\"", []string{"f:1:3: tls.certificate: cert_file contains a control character"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantErrors(t, loadErrors(t, loadTOML(c.doc)), c.want...)
		})
	}
}

func TestCertificatesAreReloadable(t *testing.T) {
	old, next := Defaults(), Defaults()
	old.TLS.Certificates = []Certificate{{CertFile: "a", KeyFile: "b", at: "f:1:3"}}
	next.TLS.Certificates = []Certificate{{CertFile: "a", KeyFile: "b", at: "f:9:3"}}
	if changed, restart := Diff(old, next); len(changed)+len(restart) > 0 {
		t.Errorf("another line alone makes %q, %q", changed, restart)
	}
	next.TLS.Certificates[0].OCSPFile = "c"
	if changed, restart := Diff(old, next); !slices.Equal(changed, []string{"tls.certificate"}) || len(restart) > 0 {
		t.Errorf("got %q, %q", changed, restart)
	}
	if got := Adopt(old, next).TLS.Certificates; !sameCertificates(got, next.TLS.Certificates) || sameCertificates(got, old.TLS.Certificates) {
		t.Errorf("a reload takes %+v", got)
	}
}
