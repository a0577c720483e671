package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/config"
)

const longSecret = "a-secret-of-the-tests-that-is-long-enough"

// keyDirectory is a directory with keys of several kinds, and the paths of files in it.
func keyDirectory(t *testing.T) func(name string) string {
	t.Helper()
	dir := t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"secret": longSecret,
		"short":  "short",
		"es.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"jwks":   `{"keys":[{"kty":"oct","alg":"HS256","kid":"oct","k":"` + strings.Repeat("A", 43) + `"},{"kty":"new"}]}`,
		"empty":  `{"keys":[]}`,
		"huge":   strings.Repeat("x", maxKeyFile+1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

func authSettings(mode ...string) config.Settings {
	s := config.Defaults()
	s.Auth.Mode = mode
	return s
}

func TestReadAuthorizationOfEachMode(t *testing.T) {
	path := keyDirectory(t)
	s := authSettings("none")
	if a, err := readAuthorization(&s); err != nil || a.policy != nil {
		t.Errorf("none: %+v, %v", a, err)
	}
	s = authSettings("signed-url", "jwt")
	s.Auth.SignedURL.Keys = []string{"a=" + path("secret")}
	s.Auth.JWT.Keys = []string{"HS256:" + path("secret"), "es=ES256:" + path("es.pem")}
	s.Auth.JWT.JWKSFile = path("jwks")
	a, err := readAuthorization(&s)
	if err != nil || a.policy == nil || len(a.files) != 4 {
		t.Fatalf("%+v, %v", a, err)
	}
	if len(a.warnings) != 1 || !strings.Contains(a.warnings[0], "key number 2") {
		t.Errorf("warnings: %q, want one of the key that is passed over", a.warnings)
	}
}

func TestReadAuthorizationReportsEverythingAtOnce(t *testing.T) {
	path := keyDirectory(t)
	s := authSettings("signed-url", "jwt")
	s.Auth.SignedURL.Keys = []string{"a=" + path("short"), "b=" + path("nowhere"), "c=" + path("huge")}
	s.Auth.JWT.Keys = []string{"HS256:" + path("es.pem"), "ES256:" + path("secret")}
	s.Auth.JWT.JWKSFile = path("empty")
	_, err := readAuthorization(&s)
	if !errors.Is(err, ErrConfiguration) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		path("short") + " is 5 characters", path("nowhere"), path("huge") + " is longer", path("es.pem") + " is PEM",
		path("secret") + " has no PEM", path("empty") + " has no key",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not told in:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), longSecret) {
		t.Errorf("a key is told: %v", err)
	}
	s = authSettings("jwt")
	s.Auth.JWT.JWKSFile = path("secret")
	if _, err := readAuthorization(&s); err == nil || strings.Contains(err.Error(), longSecret) {
		t.Errorf("a secret that is taken for a key set: %v", err)
	}
	s = authSettings("jwt")
	s.Auth.JWT.Keys, s.Auth.JWT.JWKSFile = []string{"oct=HS256:" + path("secret")}, path("jwks")
	if _, err := readAuthorization(&s); err == nil || !strings.Contains(err.Error(), `"oct"`) {
		t.Errorf("two keys of one name: %v", err)
	}
	s = authSettings("jwt")
	s.Auth.JWT.JWKSFile = path("nowhere")
	if _, err := readAuthorization(&s); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key set that is not there: %v", err)
	}
}

func TestKeyFilesThatOthersCanReadOrWrite(t *testing.T) {
	path := keyDirectory(t)
	for _, tt := range []struct {
		file string
		mode os.FileMode
		want string // of the warning; empty: none
	}{
		{"secret", 0o640, ""},
		{"secret", 0o644, "read by every user"},
		{"secret", 0o660, "replaced by others"},
		{"es.pem", 0o644, ""}, // a public key is no secret
		{"es.pem", 0o666, "replaced by others"},
		{"jwks", 0o644, "read by every user"}, // it has a secret in it
	} {
		if err := os.Chmod(path(tt.file), tt.mode); err != nil {
			t.Fatal(err)
		}
		s := authSettings("jwt")
		switch tt.file {
		case "secret":
			s.Auth.JWT.Keys = []string{"HS256:" + path(tt.file)}
		case "es.pem":
			s.Auth.JWT.Keys = []string{"ES256:" + path(tt.file)}
		default:
			s.Auth.JWT.JWKSFile = path(tt.file)
		}
		a, err := readAuthorization(&s)
		if err != nil {
			t.Fatal(err)
		}
		warnings := strings.Join(a.warnings, "\n")
		if warned := strings.Contains(warnings, "(mode"); warned != (tt.want != "") || !strings.Contains(warnings, tt.want) {
			t.Errorf("%s with mode %o: %q, want %q", tt.file, tt.mode, warnings, tt.want)
		}
	}
}

func TestUseAuthorizationNamesWhatIsNew(t *testing.T) {
	path := keyDirectory(t)
	a := &authorizer{log: slog.New(slog.DiscardHandler)}
	s := authSettings("signed-url", "jwt")
	s.Auth.SignedURL.Keys = []string{path("secret")}
	s.Auth.JWT.Keys = []string{"ES256:" + path("es.pem")}
	read := func() *authorization {
		t.Helper()
		a, err := readAuthorization(&s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	if got := a.use(&s, read()); len(got) > 0 {
		t.Errorf("at the start %q are new", got)
	}
	if got := a.use(&s, read()); len(got) > 0 {
		t.Errorf("of the same files %q are new", got)
	}
	if err := os.WriteFile(path("secret"), []byte(strings.ToUpper(longSecret)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := a.use(&s, read()); len(got) != 1 || got[0] != "auth.signed_url.keys" {
		t.Errorf("of another key %q are new", got)
	}
}
