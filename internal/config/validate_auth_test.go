package config

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAuthModesAreSaidInAnyWay(t *testing.T) {
	material := "--cert-file=c.pem --key-file=k.pem --url-key=u --jwt-key=HS256:j "
	both := []string{"signed-url", "jwt"}
	disk := files{
		"one":   "auth.mode = \"none\"\n",
		"list":  "[auth]\nmode = [\"signed-url\", \"jwt\"]\n",
		"comma": "[auth]\nmode = \"signed-url, jwt\"\n",
	}
	for _, tt := range []struct {
		name string
		in   Sources
		want []string
	}{
		{"one flag", Sources{Flags: flags("--auth=none --cert-file=c.pem --key-file=k.pem")}, []string{"none"}},
		{"two flags", Sources{Flags: flags(material + "--auth=signed-url --auth=jwt")}, both},
		{"a flag with a comma", Sources{Flags: flags(material + "--auth=signed-url,jwt")}, both},
		{"the environment", Sources{Flags: flags(material), Env: []string{"HASSESD_AUTH_MODE=signed-url, jwt"}}, both},
		{"one text in the file", Sources{ConfigFile: "one", Flags: flags("--cert-file=c.pem --key-file=k.pem")}, []string{"none"}},
		{"a list in the file", Sources{ConfigFile: "list", Flags: flags(material)}, both},
		{"a comma in the file", Sources{ConfigFile: "comma", Flags: flags(material)}, both},
		{"a flag puts the file aside", Sources{ConfigFile: "one", Flags: flags(material + "--auth=signed-url,jwt")}, both},
		{"development", Sources{Flags: flags("--dev")}, []string{"none"}},
		{"development with a mode", Sources{Flags: flags("--dev --auth=jwt --jwt-key=HS256:j")}, []string{"jwt"}},
	} {
		tt.in.ReadFile = disk.read
		if s := mustLoad(t, tt.in); !slices.Equal(s.Auth.Mode, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, s.Auth.Mode, tt.want)
		}
	}
}

func TestKeyFiles(t *testing.T) {
	a := Auth{
		SignedURL: AuthSignedURL{Keys: []string{"/etc/k", "2026=/etc/k=2", "/etc/a=b", "x y=/k"}},
		JWT:       AuthJWT{Keys: []string{"HS256:/etc/j", "web=ES256:/etc/j:1"}},
	}
	if got, want := a.URLKeys(), []KeyFile{{"", "", "/etc/k"}, {"2026", "", "/etc/k=2"}, {"", "", "/etc/a=b"}, {"", "", "x y=/k"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got, want := a.TokenKeys(), []KeyFile{{"", "HS256", "/etc/j"}, {"web", "ES256", "/etc/j:1"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestValidateAuth(t *testing.T) {
	guarded := func() Settings {
		s := valid()
		s.Auth.Mode = []string{"signed-url", "jwt"}
		s.Auth.SignedURL.Keys = []string{"a=/k", "/k2"}
		s.Auth.JWT.Keys = []string{"HS256:/j", "ES256:/j2", "web=EdDSA:/j3"}
		return s
	}
	if err := validate(guarded()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*Settings)
		want   string
	}{
		{"nothing said", func(s *Settings) { s.Auth.Mode = nil }, "auth.mode: no way to authenticate subscribers"},
		{"unknown", func(s *Settings) { s.Auth.Mode = []string{"jwt", "signed-url", "basic"} }, `auth.mode: "basic" is not`},
		{"twice", func(s *Settings) { s.Auth.Mode = append(s.Auth.Mode, "jwt") }, "is listed twice"},
		{"none with others", func(s *Settings) { s.Auth.Mode = append(s.Auth.Mode, "none") }, "none cannot be combined"},
		{"no key for URLs", func(s *Settings) { s.Auth.SignedURL.Keys = nil }, "auth.signed_url.keys: signed URLs need a key"},
		{"no key for tokens", func(s *Settings) { s.Auth.JWT.Keys = nil }, "auth.jwt.keys: tokens need a key"},
		{"keys for URLs nobody asks for", func(s *Settings) { s.Auth.Mode = []string{"jwt"} }, "auth.signed_url.keys: auth.mode does not include signed-url"},
		{"keys for tokens nobody asks for", func(s *Settings) { s.Auth.Mode = []string{"signed-url"} }, "auth.jwt.keys: auth.mode does not include jwt"},
		{"a key set nobody asks for", func(s *Settings) {
			s.Auth.Mode, s.Auth.JWT = []string{"signed-url"}, AuthJWT{JWKSFile: "/j"}
		}, "auth.jwt.jwks_file: auth.mode does not include jwt"},
		{"no file", func(s *Settings) { s.Auth.SignedURL.Keys = []string{"a="} }, "a key has no file"},
		{"two of one name", func(s *Settings) { s.Auth.SignedURL.Keys = []string{"a=/k", "a=/l"} }, `two keys have the id "a"`},
		{"two without a name", func(s *Settings) { s.Auth.SignedURL.Keys = []string{"/k", "/l"} }, `two keys have the id ""`},
		{"two tokens' keys of one name", func(s *Settings) { s.Auth.JWT.Keys = []string{"a=HS256:/k", "a=ES256:/l"} }, `auth.jwt.keys: two keys`},
		{"no algorithm", func(s *Settings) { s.Auth.JWT.Keys = []string{"/k"} }, `"/k" is none of the algorithms`},
		{"another algorithm", func(s *Settings) { s.Auth.JWT.Keys = []string{"none:/k"} }, `"none" is none of the algorithms`},
		{"a token's key without a file", func(s *Settings) { s.Auth.JWT.Keys = []string{"a=HS256:"} }, "a key has no file"},
		{"a cookie's name", func(s *Settings) { s.Auth.JWT.Cookie = "a;b" }, "cannot be the name of a cookie"},
		{"a long leeway", func(s *Settings) { s.Auth.JWT.Leeway = 31 * time.Second }, "auth.jwt.leeway: 31s is not between"},
	} {
		s := guarded()
		tt.change(&s)
		if err := validate(s); err == nil || strings.Count(err.Error(), "\n") > 0 || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q alone", tt.name, err, tt.want)
		}
	}
	s := guarded()
	s.Auth.JWT.Keys, s.Auth.JWT.JWKSFile, s.Auth.JWT.Cookie = nil, "/jwks.json", ""
	if err := validate(s); err != nil {
		t.Errorf("a key set alone, and no cookie: %v", err)
	}
}
