package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/subscriber"
)

const (
	UrlSecret   = "url-secret-of-the-tests-0123456789-abcdef"
	TokenSecret = "token-secret-of-the-tests-0123456789-abcd"
)

// Guarded prepares a daemon that asks for signed URLs or tokens, with the keys of docs/authorization.md and an ES256 key
// called es.
func Guarded(t testing.TB, flags ...string) *Daemon {
	t.Helper()
	d := Prepare(t)
	WriteFile(t, d.Path("url.key"), []byte(UrlSecret+"\n"))
	WriteFile(t, d.Path("jwt.key"), []byte(TokenSecret+"\n"))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	WriteFile(t, d.Path("es-private.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	WriteFile(t, d.Path("es.pem"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	args := slices.DeleteFunc(d.Args, func(arg string) bool { return arg == "--auth" || arg == "none" })
	d.Args = append(append(args,
		"--auth", "signed-url,jwt", "--auth-jwt-leeway", "0",
		"--url-key", "2026="+d.Path("url.key"),
		"--jwt-key", "web=HS256:"+d.Path("jwt.key"), "--jwt-key", "es=ES256:"+d.Path("es.pem"),
	), flags...)
	return d
}

// Ask requests the target and returns the HTTP status and, for a refusal, the error code. A stream has been opened when the
// status is 200.
func (d *Daemon) Ask(target string, header ...string) (s *subscriber.Stream, status int, code string) {
	d.T.Helper()
	r := d.Request("")
	r.Target, r.Header = target, header
	s, err := subscriber.Open(d.T.Context(), r)
	if err != nil {
		d.T.Fatal(err)
	}
	d.T.Cleanup(func() { s.Close() })
	if s.Status == 200 {
		if _, err := s.Preface(); err != nil {
			d.T.Fatal(err)
		}
		return s, 200, ""
	}
	body, err := io.ReadAll(s.Body)
	if err != nil {
		d.T.Fatal(err)
	}
	var answer struct{ Error struct{ Code string } }
	if err := json.Unmarshal(body, &answer); err != nil {
		d.T.Fatalf("%s: %v", body, err)
	}
	return s, s.Status, answer.Error.Code
}

func (d *Daemon) Mint(args ...string) string {
	d.T.Helper()
	return strings.TrimSpace(d.RunOK(Hassesctl, append([]string{"token", "mint"}, args...)...))
}

func (d *Daemon) SignURL(args ...string) string {
	d.T.Helper()
	return strings.TrimSpace(d.RunOK(Hassesctl, append([]string{
		"sign-url", "--key-file", d.Path("url.key"), "--kid", "2026", "--url", "https://" + d.HTTPS + "/sse",
	}, args...)...))
}

// RunOK runs a program that must succeed and returns its standard output.
func (d *Daemon) RunOK(name string, args ...string) string {
	d.T.Helper()
	r := Run(d.T, "", name, args...)
	if r.Code != 0 {
		d.T.Fatalf("%s %q: %s", name, args, r)
	}
	return r.Stdout
}

// RequestTarget returns the path and query of a URL.
func RequestTarget(t testing.TB, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}
