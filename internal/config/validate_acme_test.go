package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// withACME returns settings that pass and get their certificate over ACME.
func withACME() Settings {
	s := valid()
	s.TLS.CertFile, s.TLS.KeyFile = "", ""
	s.ACME.Hosts = []string{"push.example.org"}
	s.ACME.AcceptTOS = true
	return s
}

func TestValidACME(t *testing.T) {
	for name, change := range map[string]func(*Settings){
		"the least":            func(*Settings) {},
		"beside a certificate": func(s *Settings) { s.TLS.CertFile, s.TLS.KeyFile = "c.pem", "k.pem" },
		"several hosts": func(s *Settings) {
			s.ACME.Hosts = []string{"a.example", "b.example", "xn--bcher-kva.example", "intranet"}
		},
		"an address to write": func(s *Settings) { s.ACME.Email = "hostmaster@example.org" },
		"a private authority": func(s *Settings) {
			s.ACME.Directory, s.ACME.CARoot = "https://ca.lan:9000/acme/acme/directory", "/etc/root.pem"
		},
		"http-01 alone": func(s *Settings) {
			s.ACME.Challenges = []string{"http-01"}
			s.Plaintext, s.Listen = true, []string{"https://:443", "http://:80"}
		},
		"tls-alpn-01 alone": func(s *Settings) { s.ACME.Challenges = []string{"tls-alpn-01"} },
		"self-signed":       func(s *Settings) { s.ACME.Fallback = "selfsigned" },
		"external account":  func(s *Settings) { s.ACME.EABKeyID, s.ACME.EABKey = "kid-1", "c2VjcmV0LXNlY3JldA" },
		"padded key":        func(s *Settings) { s.ACME.EABKeyID, s.ACME.EABKey = "kid-1", "c2VjcmV0LXNlY3JldA==\n" },
		"key in a file":     func(s *Settings) { s.ACME.EABKeyID, s.ACME.EABKeyFile = "kid-1", "/etc/eab" },
		"off, and prepared": func(s *Settings) {
			s.ACME.Hosts, s.ACME.AcceptTOS, s.ACME.Directory = nil, false, ""
			s.TLS.CertFile, s.TLS.KeyFile = "c.pem", "k.pem"
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := withACME()
			change(&s)
			if err := validate(s); err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

func TestInvalidACME(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Settings)
		want   string // key and beginning of the complaint
		hint   string // part of it
	}{
		{"terms not agreed to", func(s *Settings) { s.ACME.AcceptTOS = false }, "acme.accept_tos: the authority issues", "accept_tos = true"},
		{"wildcard", func(s *Settings) { s.ACME.Hosts = []string{"*.example.org"} }, `acme.hosts: "*.example.org" is a wildcard`, "name each host"},
		{"address", func(s *Settings) { s.ACME.Hosts = []string{"192.0.2.1"} }, `acme.hosts: "192.0.2.1" is an IP address`, "push.example.org"},
		{"IPv6 address", func(s *Settings) { s.ACME.Hosts = []string{"2001:db8::1"} }, `acme.hosts: "2001:db8::1" is an IP address`, ""},
		{"capitals", func(s *Settings) { s.ACME.Hosts = []string{"A.example"} }, `acme.hosts: "A.example" has upper-case`, "a.example"},
		{"URL", func(s *Settings) { s.ACME.Hosts = []string{"https://a.example"} }, `acme.hosts: "https://a.example" is not a host name`, ""},
		{"path", func(s *Settings) { s.ACME.Hosts = []string{"../../etc"} }, `acme.hosts: "../../etc" is not a host name`, ""},
		{"dot alone", func(s *Settings) { s.ACME.Hosts = []string{"."} }, `acme.hosts: "." is not a host name`, ""},
		{"dot at the end", func(s *Settings) { s.ACME.Hosts = []string{"a.example."} }, `acme.hosts: "a.example." is not a host name`, ""},
		{"empty", func(s *Settings) { s.ACME.Hosts = []string{""} }, `acme.hosts: "" is not a host name`, ""},
		{"leading hyphen", func(s *Settings) { s.ACME.Hosts = []string{"-a.example"} }, `acme.hosts: "-a.example" is not a host name`, ""},
		{"long label", func(s *Settings) { s.ACME.Hosts = []string{strings.Repeat("a", 64) + ".example"} }, `acme.hosts: "aaaa`, ""},
		{"other letters", func(s *Settings) { s.ACME.Hosts = []string{"bücher.example"} }, `acme.hosts: "bücher.example" is not a host name; write an internationalized one in its xn-- form`, ""},
		{"twice", func(s *Settings) { s.ACME.Hosts = []string{"a.example", "a.example"} }, `acme.hosts: "a.example" is listed twice`, ""},
		{"no mail address", func(s *Settings) { s.ACME.Email = "nobody" }, `acme.email: "nobody" is not an email address`, ""},
		{"name in the mail address", func(s *Settings) { s.ACME.Email = "A <a@b>" }, `acme.email: "A <a@b>" is not an email address`, ""},
		{"http directory", func(s *Settings) { s.ACME.Directory = "http://ca/dir" }, `acme.directory: "http://ca/dir" is not an https`, ""},
		{"no directory", func(s *Settings) { s.ACME.Directory = "" }, `acme.directory: "" is not an https`, ""},
		{"no cache", func(s *Settings) { s.ACME.CacheDir = "" }, `acme.cache_dir: certificates must survive`, "/var/lib/hassesd/acme"},
		{"unknown challenge", func(s *Settings) { s.ACME.Challenges = []string{"tls-alpn-01", "dns-01"} }, `acme.challenges: "dns-01" is not one of`, ""},
		{"http-01 without a listener", func(s *Settings) { s.ACME.Challenges = []string{"http-01"} }, `acme.challenges: no challenge can succeed`, "http://:80"},
		{"no challenge", func(s *Settings) { s.ACME.Challenges = nil }, `acme.challenges: no challenge can succeed`, ""},
		{"no TLS", func(s *Settings) { s.Plaintext, s.Listen = true, []string{"http://:80"} }, `acme.hosts: no listener uses TLS`, "https://"},
		{"unknown fallback", func(s *Settings) { s.ACME.Fallback = "none" }, `acme.fallback: "none" is not one of refuse, selfsigned`, ""},
		{"key identifier alone", func(s *Settings) { s.ACME.EABKeyID = "kid-1" }, `acme.eab_key_file: acme.eab_kid is set, but no key`, ""},
		{"key alone", func(s *Settings) { s.ACME.EABKeyFile = "/etc/eab" }, `acme.eab_kid: a key for external`, ""},
		{"two keys", func(s *Settings) { s.ACME.EABKeyID, s.ACME.EABKey, s.ACME.EABKeyFile = "k", "YQ", "/etc/eab" }, `acme.eab_key: the key is set twice`, ""},
		{"bad key", func(s *Settings) { s.ACME.EABKeyID, s.ACME.EABKey = "k", "not/base64url" }, `acme.eab_key: it is not base64url`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := withACME()
			c.change(&s)
			err := validate(s)
			problems, ok := errors.AsType[*Errors](err)
			if !ok {
				t.Fatalf("got %v", err)
			}
			if len(problems.List) != 1 {
				t.Errorf("%d complaints, want 1:\n%v", len(problems.List), err)
			}
			if got := problems.List[0]; !strings.HasPrefix(got.Error(), c.want) || !strings.Contains(got.Hint, c.hint) {
				t.Errorf("got  %v\nwant %s … %s", got, c.want, c.hint)
			}
		})
	}
}

func TestASecretIsNeverQuoted(t *testing.T) {
	s := withACME()
	s.ACME.EABKeyID, s.ACME.EABKey = "kid-1", "top\x1bsecret"
	if err := validate(s); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestDecodeEABKey(t *testing.T) {
	for text, want := range map[string]string{"YQ": "a", "YQ==": "a", " YWI=\n": "ab", "-_-_": "\xfb\xff\xbf"} {
		if got, err := DecodeEABKey(text); err != nil || !bytes.Equal(got, []byte(want)) {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
	if got, err := DecodeEABKey("a+b/"); err == nil {
		t.Errorf("the other alphabet was read as %q", got)
	}
}
