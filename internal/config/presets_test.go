package config

import (
	"slices"
	"strings"
	"testing"
)

func TestOriginsOfAStartWithHassesSpellings(t *testing.T) {
	disk := files{
		"hasses.conf": "-nodaemon\n",
		"origins":     "-cors-base=https://www.example.org\n",
		"none.toml":   "cors.origins = []\n",
		"some.toml":   "cors.origins = [\"https://www.example.org\"]\n",
	}
	anybody, www := []string{"*"}, []string{"https://www.example.org"}
	for _, c := range []struct {
		name        string
		in          Sources
		origins     []string
		credentials bool
		isDefault   bool
	}{
		{"-p", Sources{Flags: flags("-p=8080")}, anybody, false, true},
		{"-murl", Sources{Flags: flags("-murl=/sse")}, anybody, false, true},
		{"hasses.conf", Sources{HassesConf: "hasses.conf"}, anybody, false, true},
		{"-p in development mode", Sources{Flags: flags("-p=8080 --dev")}, anybody, false, true},
		{"our own spellings", Sources{Flags: flags("--listen=https://:8080 --path=/sse")}, nil, true, false},
		{"flags of hasses that could be anybody's", Sources{Flags: flags("-l=/log -q -debug -nodaemon -ssl -ra -cp=8085 -fifo=/f")}, nil, true, false},
		{"-p and -cors-base", Sources{Flags: flags("-p=8080 -cors-base=https://www.example.org")}, www, true, false},
		{"-p and --cors-origin", Sources{Flags: flags("-p=8080 --cors-origin=https://www.example.org")}, www, true, false},
		{"hasses.conf with cors-base", Sources{HassesConf: "origins"}, www, true, false},
		{"hasses.conf and a flag", Sources{HassesConf: "hasses.conf", Flags: flags("--cors-origin=https://www.example.org")}, www, true, false},
		{"-p and a file that lists none", Sources{ConfigFile: "none.toml", Flags: flags("-p=8080")}, nil, true, false},
		{"-p and a file that lists one", Sources{ConfigFile: "some.toml", Flags: flags("-p=8080")}, www, true, false},
		{"-p and an empty variable", Sources{Env: []string{"HASSESD_CORS_ORIGINS="}, Flags: flags("-p=8080")}, nil, true, false},
		{"-p and a variable", Sources{Env: []string{"HASSESD_CORS_ORIGINS=https://www.example.org"}, Flags: flags("-p=8080")}, www, true, false},
		{"-p and any origin by name", Sources{Flags: flags("-p=8080 -cors-base=*")}, anybody, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.Flags = append(c.in.Flags, enough...)
			c.in.ReadFile = disk.read
			s := mustLoad(t, c.in)
			if !slices.Equal(s.CORS.Origins, c.origins) || s.CORS.Credentials != c.credentials {
				t.Errorf("origins %q, credentials %t; want %q, %t", s.CORS.Origins, s.CORS.Credentials, c.origins, c.credentials)
			}
			if got := s.HasHassesDefault("cors.origins"); got != c.isDefault {
				t.Errorf("hasses' default: %t, want %t", got, c.isDefault)
			}
		})
	}
}

// Credentials for every page on the web are refused, wherever the * was set.
func TestHassesOriginsNeverGoWithCredentials(t *testing.T) {
	wantErrors(t, loadErrors(t, Sources{Flags: append(flags("-p=8080 --cors-credentials"), enough...)}),
		"--cors-credentials: cors.credentials: credentials cannot be combined with the origin *")
}

// hasses sent -cors-base as it was given; browsers compare byte for byte with the origin as they
// write it.
func TestCORSBaseIsWrittenAsBrowsersDo(t *testing.T) {
	for base, want := range map[string]string{
		"https://www.example.org":      "https://www.example.org",
		"https://www.example.org/":     "https://www.example.org",
		"HTTPS://WWW.Example.org:443/": "https://www.example.org",
		"http://www.example.org:80":    "http://www.example.org",
		"http://www.example.org:8080":  "http://www.example.org:8080",
		"*":                            "*",
	} {
		s := mustLoad(t, Sources{Flags: append(flags("-cors-base="+base), enough...)})
		if !slices.Equal(s.CORS.Origins, []string{want}) {
			t.Errorf("-cors-base=%s: origins %q, want %q", base, s.CORS.Origins, want)
		}
	}
}

func TestAReloadTakesWhoseDefaultItIs(t *testing.T) {
	disk := files{"hasses.conf": "-p=8080\n"}
	load := func() Settings {
		return mustLoad(t, Sources{HassesConf: "hasses.conf", Flags: enough, ReadFile: disk.read})
	}
	old := load()
	disk["hasses.conf"] += "-cors-base=https://www.example.org\n"
	next := load()
	if changed, _ := Diff(old, next); !slices.Equal(changed, []string{"cors.origins", "cors.credentials"}) {
		t.Errorf("changed: %q", changed)
	}
	if s := Adopt(old, next); s.HasHassesDefault("cors.origins") || s.CORS.Origins[0] != "https://www.example.org" {
		t.Errorf("after the reload: origins %q, hasses' default: %q", s.CORS.Origins, s.HassesDefaults)
	}
	if s := Adopt(next, old); !s.HasHassesDefault("cors.origins") {
		t.Errorf("after the reload back: origins %q, hasses' default: %q", s.CORS.Origins, s.HassesDefaults)
	}
}

func TestLogOfAStartWithHassesSpellings(t *testing.T) {
	disk := files{"hasses.conf": "-nodaemon\n", "json.toml": "log_format = \"json\"\n"}
	for _, c := range []struct {
		name   string
		in     Sources
		format string
	}{
		{"-p", Sources{Flags: flags("-p=8080")}, "classic"},
		{"-murl", Sources{Flags: flags("-murl=/sse")}, "classic"},
		{"hasses.conf", Sources{HassesConf: "hasses.conf"}, "classic"},
		{"our own spellings", Sources{Flags: flags("--listen=https://:8080 --path=/sse -l=/log")}, "auto"},
		{"our own spellings, and by name", Sources{Flags: flags("--log-format=classic")}, "classic"},
		{"-p and a format", Sources{Flags: flags("-p=8080 --log-format=auto")}, "auto"},
		{"-p and a variable", Sources{Env: []string{"HASSESD_LOG_FORMAT=text"}, Flags: flags("-p=8080")}, "text"},
		{"hasses.conf and a file", Sources{HassesConf: "hasses.conf", ConfigFile: "json.toml"}, "json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.in.Flags = append(c.in.Flags, enough...)
			c.in.ReadFile = disk.read
			if got := mustLoad(t, c.in).LogFormat; got != c.format {
				t.Errorf("log_format %q, want %q", got, c.format)
			}
		})
	}
}

func TestPlaintextWithoutACertificateHasAPortOfItsOwn(t *testing.T) {
	disk := files{"defaults.toml": "listen = [\"https://:8443\"]\n", "other.toml": "listen = [\"http://:81\"]\n"}
	for _, c := range []struct {
		name string
		in   Sources
		want string
	}{
		{"plaintext alone", Sources{Flags: flags("--plaintext --auth=none")}, "http://:8080"},
		{"by variables", Sources{Env: []string{"HASSESD_PLAINTEXT=true", "HASSESD_AUTH=none"}}, "http://:8080"},
		{"the file of all defaults", Sources{ConfigFile: "defaults.toml", Flags: flags("--plaintext --auth=none")}, "http://:8080"},
		{"a file", Sources{ConfigFile: "other.toml", Flags: flags("--plaintext --auth=none")}, "http://:81"},
		{"another address", Sources{Flags: flags("--plaintext --auth=none --listen=http://127.0.0.1:1")}, "http://127.0.0.1:1"},
		{"a port of hasses", Sources{Flags: flags("-p=82 --plaintext --auth=none")}, "http://:82"},
		{"a certificate", Sources{Flags: append(flags("--plaintext"), enough...)}, "https://:8443"},
		{"no plaintext", Sources{Flags: enough}, "https://:8443"},
		{"development", Sources{Flags: flags("--plaintext --dev")}, "https://127.0.0.1:8443"},
	} {
		c.in.ReadFile = disk.read
		s := mustLoad(t, c.in)
		if len(s.Listen) != 1 || s.Listen[0] != c.want {
			t.Errorf("%s: %q, want %q", c.name, s.Listen, c.want)
		}
		if got, want := s.IsPreset("listen"), strings.HasSuffix(c.want, ":8080") || strings.HasSuffix(c.want, ":8443"); got != want {
			t.Errorf("%s: %q is preset: %v, want %v", c.name, s.Listen, got, want)
		}
	}
}
