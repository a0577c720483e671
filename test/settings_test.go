package test

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestCheckAndDefaults(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	if r := command(t, "", hassesd, append([]string{"check"}, d.args...)...); r.code != 0 || r.stdout != "ok\n" {
		t.Errorf("check of what the tests run with: %s", r)
	}
	r := command(t, "", hassesd, "defaults")
	if r.code != 0 {
		t.Fatalf("defaults: %s", r)
	}
	for _, key := range []string{"[history]", "message_bytes", "interval", "unix_mode", "stream_age"} {
		if !strings.Contains(r.stdout, key) {
			t.Errorf("defaults lack %q", key)
		}
	}
	file := d.path("defaults.toml")
	write(t, file, []byte(r.stdout))
	if r := command(t, "", hassesd, "check", "--config", file, "--dev"); r.code != 0 || r.stdout != "ok\n" {
		t.Errorf("check of the defaults: %s", r)
	}
	if r := command(t, "", hassesd, "version"); r.code != 0 || !strings.Contains(r.stdout, "hassesd") {
		t.Errorf("version: %s", r)
	}
	if r := command(t, "", hassesd, "--help"); r.code != 0 || !strings.Contains(r.stdout, "--listen") {
		t.Errorf("--help: %s", r)
	}
}

func TestWrongSettingsAreToldTogether(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	file := d.path("wrong.toml")
	write(t, file, []byte("path = 5\nnonsense = true\n[history]\nevents = -1\n[limits]\nslow = \"often\"\n"))
	for _, args := range [][]string{{"check"}, {}} {
		r := command(t, "", hassesd, append(append(args, d.args...), "--config", file)...)
		if r.code != 2 || r.stdout != "" {
			t.Errorf("%q: %s; want exit code 2 and the errors on stderr", args, r)
		}
		for _, want := range []string{"wrong.toml", "path", "nonsense", "history.events", "limits.slow"} {
			if !strings.Contains(r.stderr, want) {
				t.Errorf("%q: %s; want %q told too", args, r, want)
			}
		}
	}
}

func TestRiskyStartsAreRefused(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	keys := []string{"--cert-file", d.path("cert.pem"), "--key-file", d.path("key.pem")}
	base := []string{"--control-socket", d.socket, "--listen", "https://" + d.https}
	write(t, d.path("other-key.pem"), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	for _, tt := range []struct {
		name string
		args []string
		want string // what the error must speak of
	}{
		{"no certificate", []string{"--auth", "none"}, "--cert-file"},
		{"no auth", keys, "--auth"},
		{"plaintext not said", []string{"--auth", "none", "--listen", "http://" + d.http}, "plaintext"},
		{"missing certificate", []string{"--auth", "none", "--cert-file", d.path("gone.pem"), "--key-file", d.path("key.pem")}, "gone.pem"},
		{"broken key", []string{"--auth", "none", "--cert-file", d.path("cert.pem"), "--key-file", d.path("other-key.pem")}, "other-key.pem"},
		{"any origin with credentials", append([]string{"--auth", "none", "--cors-origin", "*", "--cors-credentials=true"}, keys...), "cors"},
		{"control port for everybody", append([]string{"--auth", "none", "--control-tcp", "0.0.0.0:9085"}, keys...), "control"},
		{"unknown flag", append([]string{"--nonsense"}, keys...), "nonsense"},
	} {
		r := command(t, "", hassesd, append(append([]string{"check"}, base...), tt.args...)...)
		if r.code != 2 || !strings.Contains(r.stderr, tt.want) {
			t.Errorf("%s: %s; want exit code 2 and %q", tt.name, r, tt.want)
		}
	}
}

func TestFlagsBeatEnvironmentBeatsFile(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	file := d.path("hassesd.toml")
	write(t, file, []byte("path = \"/file\"\n[limits]\nrooms_per_client = 1\n"))
	check := func(env, args []string, wrong bool) {
		t.Helper()
		p := launch(t, env, hassesd, append(append([]string{"check"}, d.args...), args...)...)
		line, ok := p.line()
		if ok == wrong {
			t.Errorf("environment %q, flags %q: printed %q", env, args, line)
		}
	}
	check([]string{"HASSESD_LIMITS_SLOW=often"}, nil, true)
	check([]string{"HASSESD_LIMITS_SLOW=often"}, []string{"--limits-slow", "latest"}, false)
	check([]string{"HASSESD_LIMITS_SLOW=latest"}, []string{"--limits-slow", "often"}, true)
	write(t, file, []byte("[limits]\nslow = \"often\"\n"))
	check(nil, []string{"--config", file}, true)
	check([]string{"HASSESD_LIMITS_SLOW=latest"}, []string{"--config", file}, false)
}

// TestOldSpellings starts the daemon as hasses 1.30 was started.
func TestOldSpellings(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	_, port, err := net.SplitHostPort(d.https)
	if err != nil {
		t.Fatal(err)
	}
	_, controlPort, _ := net.SplitHostPort(d.tcp)
	old := []string{
		"-p=" + port, "-murl=/events", "-cp=" + controlPort, "-fifo=" + d.fifo, "-sep=|", "-ssl",
		"-cert-file=" + d.path("cert.pem"), "-privatekey-file=" + d.path("key.pem"), "-cors-base=https://www.example.org",
		"-ra", "-l=" + d.path("hasses.log"), "-pidfile=" + d.path("hasses.pid"), "-debug", "-nodaemon",
	}
	ours := []string{"--auth", "none", "--control-socket", d.socket, "--drain-window", "200ms"}
	conf := d.path("hasses.conf")
	write(t, conf, []byte("# the old configuration\n"+strings.Join(old, "\n")+"\n"))
	for name, args := range map[string][]string{"flags": old, "hasses.conf": {"--hasses-conf", conf}} {
		d := &daemon{
			t: t, dir: d.dir, ca: d.ca, control: &shared{}, https: d.https, tcp: d.tcp, socket: d.socket, fifo: d.fifo,
			args: append(append([]string{}, ours...), args...),
		}
		d.run()
		r := d.request("")
		r.Target = "/events?subscribe=a"
		r.Header = []string{"Origin: https://www.example.org"}
		s := d.open(r)
		if got := s.Header.Get("Access-Control-Allow-Origin"); got != "https://www.example.org" {
			t.Errorf("%s: Access-Control-Allow-Origin %q", name, got)
		}
		d.classic("tcp").say("a=one;with semicolon|")
		message(t, s, "one;with semicolon")
		command(t, "", "/bin/sh", "-c", "echo a=fifo > "+d.fifo)
		message(t, s, "fifo")
		if got := d.status(); got.LogLevel != "debug" {
			t.Errorf("%s: log level %s", name, got.LogLevel)
		}
		pid, err := os.ReadFile(d.path("hasses.pid"))
		if err != nil || strings.TrimSpace(string(pid)) != strconv.Itoa(d.cmd.Process.Pid) {
			t.Errorf("%s: pid file %q, want %d (%v)", name, pid, d.cmd.Process.Pid, err)
		}
		if info, err := os.Stat(d.path("hasses.log")); err != nil || info.Size() == 0 {
			t.Errorf("%s: no log in the log file (%v)", name, err)
		}
		s.Close()
		d.end(d.cmd, d.exited)
	}
}
