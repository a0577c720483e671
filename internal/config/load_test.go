package config

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEachLayerWinsOverTheOneBefore(t *testing.T) {
	disk := files{
		"hasses.conf": "-murl=/conf\n-l=/conf.log\n-pidfile=/conf.pid\n-user=www\n",
		"d.toml":      "path = \"/file\"\nlog_file = \"/file.log\"\npid_file = \"/file.pid\"\n",
	}
	s := mustLoad(t, Sources{
		HassesConf: "hasses.conf",
		ConfigFile: "d.toml",
		Env:        []string{"HASSESD_PATH=/env", "HASSESD_LOG_FILE=/env.log", "OTHER=x"},
		Flags:      append(slices.Clone(enough), flags("--path=/flag")...),
		ReadFile:   disk.read,
	})
	for _, c := range []struct{ layer, got, want string }{
		{"defaults", s.LogLevel, "normal"},
		{"hasses.conf", s.User, "www"},
		{"file", s.PIDFile, "/file.pid"},
		{"environment", s.LogFile, "/env.log"},
		{"flags", s.Path, "/flag"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.layer, c.got, c.want)
		}
	}
}

func TestListsReplaceThoseOfWeakerLayersAndGrowWithinOne(t *testing.T) {
	disk := files{"d.toml": `listen = ["https://:1", "https://:2"]`}
	for _, c := range []struct {
		name string
		env  []string
		line string
		want []string
	}{
		{"file", nil, "", []string{"https://:1", "https://:2"}},
		{"environment", []string{"HASSESD_LISTEN=https://:3, https://:4"}, "", []string{"https://:3", "https://:4"}},
		{"flags", []string{"HASSESD_LISTEN=https://:3"}, "--listen=https://:5 --listen=https://:6", []string{"https://:5", "https://:6"}},
		{"old port after a weaker list", []string{"HASSESD_LISTEN=https://:3"}, "-p=8080", []string{"https://:8080"}},
		{"old port beside a flag", nil, "-p=8080 --listen=https://:5", []string{"https://:5", "https://:8080"}},
		{"old port with a host", nil, "-p=127.0.0.1:8080", []string{"https://127.0.0.1:8080"}},
		{"old port in plaintext", nil, "-p=8080 --plaintext", []string{"http://:8080"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustLoad(t, Sources{ConfigFile: "d.toml", Env: c.env, Flags: append(flags(c.line), enough...), ReadFile: disk.read})
			if !slices.Equal(s.Listen, c.want) {
				t.Errorf("listen is %q, want %q", s.Listen, c.want)
			}
		})
	}
}

func TestAStrongerListForgetsOldPorts(t *testing.T) {
	disk := files{"hasses.conf": "-p=8080"}
	s := mustLoad(t, Sources{HassesConf: "hasses.conf", Flags: append(flags("--listen=https://:5"), enough...), ReadFile: disk.read})
	if want := []string{"https://:5"}; !slices.Equal(s.Listen, want) {
		t.Errorf("listen is %q, want %q", s.Listen, want)
	}
}

func TestAnEmptyVariableEmptiesAList(t *testing.T) {
	disk := files{"d.toml": "cors.origins = [\"https://a.example\"]"}
	s := mustLoad(t, Sources{ConfigFile: "d.toml", Env: []string{"HASSESD_CORS_ORIGINS="}, Flags: enough, ReadFile: disk.read})
	if len(s.CORS.Origins) != 0 {
		t.Errorf("origins are %q, want none", s.CORS.Origins)
	}
}

func TestTheTestBenchCommandLine(t *testing.T) {
	s := mustLoad(t, Sources{Flags: flags("--auth=none --allow-all-rooms --listen=https://127.0.0.1:9443 --cert-file=c.pem --key-file=k.pem --path=/sse --control-socket=s.sock --control-tcp=127.0.0.1:9085 --fifo=f")})
	want := Defaults()
	want.Listen = []string{"https://127.0.0.1:9443"}
	want.Auth.Mode, want.Auth.AllowAllRooms = []string{"none"}, true
	want.TLS.CertFile, want.TLS.KeyFile = "c.pem", "k.pem"
	want.Control.Socket, want.Control.TCP, want.Control.FIFO = "s.sock", "127.0.0.1:9085", "f"
	s.sources = nil // see TestSource
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestOldSpellings(t *testing.T) {
	s := mustLoad(t, Sources{Flags: flags("-p=8080 -murl=/sse-event -cp=8085 -fifo=/f -sep=| -ssl -cert-file=c.pem -privatekey-file=k.pem -cors-base=http://example.com/ -ra -user=www -l=/l -pidfile=/p -debug -nodaemon --auth=none")})
	want := Defaults()
	want.Listen = []string{"https://:8080"}
	want.Path = "/sse-event"
	want.Control.TCP, want.Control.FIFO, want.Control.Delimiter = "127.0.0.1:8085", "/f", "|"
	want.TLS.CertFile, want.TLS.KeyFile = "c.pem", "k.pem"
	want.CORS.Origins = []string{"http://example.com"}
	want.Reinit, want.User, want.LogFile, want.PIDFile, want.LogLevel = true, "www", "/l", "/p", "debug"
	want.Auth.Mode = []string{"none"}
	want.LogFormat, want.HassesDefaults = "classic", []string{"log_format"}
	s.sources = nil // see TestSource
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestOldSwitches(t *testing.T) {
	for _, c := range []struct {
		line, level string
		reinit      bool
	}{
		{"-q", "quiet", false},
		{"-q -debug", "debug", false},
		{"-q=false", "normal", false},
		{"-ra", "normal", true},
		{"-ra=false", "normal", false},
		{"-ssl=false -nodaemon=false", "normal", false},
	} {
		s := mustLoad(t, Sources{Flags: append(flags(c.line), enough...)})
		if s.LogLevel != c.level || s.Reinit != c.reinit {
			t.Errorf("%s: log level %q, reinit %v; want %q, %v", c.line, s.LogLevel, s.Reinit, c.level, c.reinit)
		}
	}
	wantErrors(t, loadErrors(t, Sources{Flags: append(flags("-ssl=x -q=x -cp=x"), enough...)}),
		`-ssl: "x" is not true or false; leave the value out`,
		`-q: log_level: "x" is not true or false`,
		`-cp: control.tcp: "127.0.0.1:x" is not an address with a port`)
}

func TestDevelopmentModeReplacesDefaults(t *testing.T) {
	s := mustLoad(t, Sources{Flags: flags("--dev")})
	want := Defaults()
	want.Dev, want.Demo, want.Publish.HTTP = true, true, true
	want.Listen = []string{"https://127.0.0.1:8443"}
	want.Auth.Mode, want.Auth.AllowAllRooms = []string{"none"}, true
	want.HSTS.MaxAge = 0
	want.Control.TCP, want.Control.FIFO = "127.0.0.1:8085", DevFIFO
	want.API.Listen = "http://127.0.0.1:8444"
	s.sources = nil // see TestSource
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	if !s.IsDefault("control.socket") {
		t.Error("control.socket is not the default any more")
	}
	for _, key := range []string{"control.tcp", "control.fifo", "api.listen", "demo"} {
		if !s.IsFromDevelopment(key) {
			t.Errorf("%s seems to have been asked for", key)
		}
	}
	if s.IsFromDevelopment("control.socket") || s.IsFromDevelopment("drain.window") {
		t.Error("what development mode leaves alone seems to come from it")
	}
}

func TestDevelopmentModeKeepsWhatWasSaid(t *testing.T) {
	disk := files{"d.toml": "dev = true\nlisten = [\"https://127.0.0.1:9000\"]\nhsts.max_age = \"1h\"\n"}
	s := mustLoad(t, Sources{ConfigFile: "d.toml", Env: []string{"HASSESD_DEMO=false"}, ReadFile: disk.read})
	if s.Demo || !slices.Equal(s.Listen, []string{"https://127.0.0.1:9000"}) || s.HSTS.MaxAge != time.Hour {
		t.Errorf("demo %v, listen %q, hsts %v", s.Demo, s.Listen, s.HSTS.MaxAge)
	}
	s = mustLoad(t, Sources{Flags: flags("--dev --control-tcp= --fifo=")})
	if s.Control.TCP != "" || s.Control.FIFO != "" {
		t.Errorf("doors that were not wanted are at %q and %q", s.Control.TCP, s.Control.FIFO)
	}
	s = mustLoad(t, Sources{Flags: flags("--dev --control-tcp=127.0.0.1:9 --fifo=f")})
	if s.IsFromDevelopment("control.tcp") || s.IsFromDevelopment("control.fifo") {
		t.Error("doors that were asked for seem to come from development mode")
	}
	s = mustLoad(t, Sources{Flags: flags("--dev --listen=https://:8443")})
	if !slices.Equal(s.Listen, []string{"https://:8443"}) {
		t.Errorf("a flag that says the default became %q", s.Listen)
	}
}

func TestUnknownNames(t *testing.T) {
	wantErrors(t, loadErrors(t, Sources{
		Flags: append(flags("--histry-bytes=1"), enough...),
	}),
		`--histry-bytes: there is no such flag; did you mean "history-bytes"?`)
}

func TestUnknownVariables(t *testing.T) {
	env := []string{
		"HASSESD_HISTORY_BYTE=1", "HASSESD_=", "HASSESD_BIN=/usr/sbin/hassesd", "HASSESD_RETRY=3s", "HASSESCTL_JSON=true",
		"HASSESD_PORT=tcp://10.0.0.1:443", "HASSESD_SERVICE_HOST=10.0.0.1", "HASSESD_TLS_CERT=c", "HASSESD_AUTHMODE=none",
	}
	var got []string
	for _, unknown := range UnknownVariables(env) {
		got = append(got, unknown.Error())
	}
	if len(got) != 5 || !strings.Contains(got[3], `did you mean "HASSESD_TLS_CERT_FILE"?`) || !strings.Contains(got[4], `did you mean "HASSESD_AUTH_MODE"?`) || got[0] != `HASSESD_HISTORY_BYTE: there is no such setting; did you mean "HASSESD_HISTORY_BYTES"?` ||
		!strings.HasPrefix(got[1], "HASSESD_: there is no such setting") || !strings.HasPrefix(got[2], "HASSESD_BIN: there is no such setting") {
		t.Errorf("unknown: %q", got)
	}
	if s := mustLoad(t, Sources{Env: env, Flags: enough}); s.Retry != 3*time.Second {
		t.Errorf("retry is %v, want that of the environment", s.Retry)
	}
}

func TestShortFlagsNamesAreVariables(t *testing.T) {
	s := mustLoad(t, Sources{Env: []string{
		"HASSESD_AUTH=none", "HASSESD_ALLOW_ALL_ROOMS=1", "HASSESD_CERT_FILE=c.pem", "HASSESD_KEY_FILE=k.pem",
		"HASSESD_FIFO=/f", "HASSESD_CORS_ORIGIN=https://a.example,https://b.example", "HASSESD_CORS_ORIGINS=https://a.example,https://b.example",
	}})
	if !slices.Equal(s.Auth.Mode, []string{"none"}) || !s.Auth.AllowAllRooms || s.TLS.CertFile != "c.pem" || s.TLS.KeyFile != "k.pem" ||
		s.Control.FIFO != "/f" || !slices.Equal(s.CORS.Origins, []string{"https://a.example", "https://b.example"}) {
		t.Errorf("got %+v", s)
	}
	if unknown := UnknownVariables([]string{"HASSESD_AUTH=none", "HASSESD_CERT_FILE=c"}); len(unknown) > 0 {
		t.Errorf("told as unknown: %v", unknown)
	}
	wantErrors(t, loadErrors(t, Sources{Env: []string{"HASSESD_AUTH=none", "HASSESD_AUTH_MODE=jwt"}, Flags: flags("--dev")}),
		"HASSESD_AUTH_MODE: auth.mode: HASSESD_AUTH sets the same key to another value; remove one of the two")
}

func TestEachVariableSetsOneKey(t *testing.T) {
	of := map[string]string{}
	for i := range registry {
		for _, name := range registry[i].envs() {
			if other, ok := of[name]; ok {
				t.Errorf("%s sets %s and %s", name, other, registry[i].name)
			}
			of[name] = registry[i].name
		}
	}
}

func TestAllMistakesComeAtOnce(t *testing.T) {
	disk := files{
		"hasses.conf": "-p=8080\n-colour=red\n",
		"d.toml":      "# nothing here\nretry = \"2 apples\"\nhistory.bytes = true\n",
	}
	wantErrors(t, loadErrors(t, Sources{
		HassesConf: "hasses.conf", ConfigFile: "d.toml", ReadFile: disk.read,
		Env:   []string{"HASSESD_LOOPS=many"},
		Flags: flags("--limits-queue-bytes=1 --limits-slow=never"),
	}),
		`hasses.conf:2: "colour" is not a setting of hasses`,
		`d.toml:2:1: retry: "2 apples" is not a duration; write it with a unit`,
		`d.toml:3:1: history.bytes: is a boolean, but must be an integer or a size`,
		`HASSESD_LOOPS: loops: "many" is not a whole number`,
		`tls.cert_file: an https:// listener needs a certificate; use --dev`,
		`auth.mode: no way to authenticate subscribers is set`,
		`--limits-queue-bytes: limits.queue_bytes: 1 is not between 1KiB and 1GiB`,
		`--limits-slow: limits.slow: "never" is not one of close, drop-oldest, latest`)
}

func TestABrokenSwitchIsTheOnlyComplaint(t *testing.T) {
	wantErrors(t, loadErrors(t, Sources{Flags: flags("--dev=maybe")}), `--dev: dev: "maybe" is not true or false`)
	wantErrors(t, loadErrors(t, Sources{Flags: flags("--plaintext=maybe --listen=http://:80 --auth=none")}),
		`--plaintext: plaintext: "maybe" is not true or false`)
}

func TestAFileThatIsNotThere(t *testing.T) {
	wantErrors(t, loadErrors(t, Sources{ConfigFile: "/nowhere.toml", HassesConf: "/nowhere.conf", ReadFile: files{}.read, Flags: enough}),
		"/nowhere.conf: cannot be read: ", "/nowhere.toml: cannot be read: ")
}

func TestASingleErrorCanBeFound(t *testing.T) {
	_, err := Load(Sources{Flags: append(flags("--retry=x"), enough...)})
	var one *Error
	if !errors.As(err, &one) || one.Key != "retry" || one.Source != "--retry" {
		t.Errorf("errors.As found %+v in %v", one, err)
	}
}

func TestSource(t *testing.T) {
	file := "retry = \"1s\"\n[[tls.certificate]]\ncert_file = \"c\"\nkey_file = \"k\"\n[history]\nevents = 5\nage = \"1m\"\n"
	s, err := Load(Sources{
		ConfigFile: "f.toml",
		ReadFile:   func(string) ([]byte, error) { return []byte(file), nil },
		Env:        []string{"HASSESD_HISTORY_AGE=2m", "STATE_DIRECTORY=/var/lib/x"},
		Flags:      []Assignment{{"dev", "true"}, {"p", "8443"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	next := Adopt(Defaults(), s)
	for key, want := range map[string]string{
		"retry": "f.toml:1:", "history.events": "f.toml:6:", "history.age": "HASSESD_HISTORY_AGE", "dev": "--dev", "listen": "-p",
		"state.dir": "STATE_DIRECTORY", "path": "", "nothing": "",
	} {
		for _, got := range []string{s.Source(key), next.Source(key)} {
			if !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("%s was set by %q, want %q", key, got, want)
			}
		}
	}
	if got := next.TLS.Certificates[0].Source(); !strings.HasPrefix(got, "f.toml:2:") {
		t.Errorf("the certificate's table begins at %q", got)
	}
}
