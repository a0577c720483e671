package core

import (
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

func TestCheckAndDefaults(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	if r := harness.Run(t, "", harness.Hassesd, append([]string{"check"}, d.Args...)...); r.Code != 0 || r.Stdout != "ok\n" {
		t.Errorf("check of what the tests run with: %s", r)
	}
	r := harness.Run(t, "", harness.Hassesd, "defaults")
	if r.Code != 0 {
		t.Fatalf("defaults: %s", r)
	}
	for _, key := range []string{"[history]", "message_bytes", "interval", "unix_mode", "stream_age"} {
		if !strings.Contains(r.Stdout, key) {
			t.Errorf("defaults lack %q", key)
		}
	}
	file := d.Path("defaults.toml")
	harness.WriteFile(t, file, []byte(r.Stdout))
	if r := harness.Run(t, "", harness.Hassesd, "check", "--config", file, "--dev"); r.Code != 0 || r.Stdout != "ok\n" {
		t.Errorf("check of the defaults: %s", r)
	}
	if r := harness.Run(t, "", harness.Hassesd, "version"); r.Code != 0 || !strings.Contains(r.Stdout, "hassesd") {
		t.Errorf("version: %s", r)
	}
	if r := harness.Run(t, "", harness.Hassesd, "--help"); r.Code != 0 || !strings.Contains(r.Stdout, "--listen") {
		t.Errorf("--help: %s", r)
	}
}

func TestWrongSettingsAreToldTogether(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	file := d.Path("wrong.toml")
	harness.WriteFile(t, file, []byte("path = 5\nnonsense = true\n[history]\nevents = -1\n[limits]\nslow = \"often\"\n"))
	for _, args := range [][]string{{"check"}, {}} {
		r := harness.Run(t, "", harness.Hassesd, append(append(args, d.Args...), "--config", file)...)
		if r.Code != 2 || r.Stdout != "" {
			t.Errorf("%q: %s; want exit code 2 and the errors on stderr", args, r)
		}
		for _, want := range []string{"wrong.toml", "path", "nonsense", "history.events", "limits.slow"} {
			if !strings.Contains(r.Stderr, want) {
				t.Errorf("%q: %s; want %q told too", args, r, want)
			}
		}
	}
}

func TestRiskyStartsAreRefused(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	keys := []string{"--cert-file", d.Path("cert.pem"), "--key-file", d.Path("key.pem")}
	base := []string{"--control-socket", d.Socket, "--listen", "https://" + d.HTTPS}
	harness.WriteFile(t, d.Path("other-key.pem"), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	for _, tt := range []struct {
		name string
		args []string
		want string // what the error must speak of
	}{
		{"no certificate", []string{"--auth", "none"}, "--cert-file"},
		{"no auth", keys, "--auth"},
		{"plaintext not said", []string{"--auth", "none", "--listen", "http://" + d.HTTP}, "plaintext"},
		{"missing certificate", []string{"--auth", "none", "--cert-file", d.Path("gone.pem"), "--key-file", d.Path("key.pem")}, "gone.pem"},
		{"broken key", []string{"--auth", "none", "--cert-file", d.Path("cert.pem"), "--key-file", d.Path("other-key.pem")}, "other-key.pem"},
		{"any origin with credentials", append([]string{"--auth", "none", "--cors-origin", "*", "--cors-credentials=true"}, keys...), "cors"},
		{"control port for everybody", append([]string{"--auth", "none", "--control-tcp", "0.0.0.0:9085"}, keys...), "control"},
		{"unknown flag", append([]string{"--nonsense"}, keys...), "nonsense"},
	} {
		r := harness.Run(t, "", harness.Hassesd, append(append([]string{"check"}, base...), tt.args...)...)
		if r.Code != 2 || !strings.Contains(r.Stderr, tt.want) {
			t.Errorf("%s: %s; want exit code 2 and %q", tt.name, r, tt.want)
		}
	}
}

func TestFlagsBeatEnvironmentBeatsFile(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	file := d.Path("hassesd.toml")
	harness.WriteFile(t, file, []byte("path = \"/file\"\n[limits]\nrooms_per_client = 1\n"))
	check := func(env, args []string, wrong bool) {
		t.Helper()
		p := harness.Launch(t, env, harness.Hassesd, append(append([]string{"check"}, d.Args...), args...)...)
		line, ok := p.Line()
		if ok == wrong {
			t.Errorf("environment %q, flags %q: printed %q", env, args, line)
		}
	}
	check([]string{"HASSESD_LIMITS_SLOW=often"}, nil, true)
	check([]string{"HASSESD_LIMITS_SLOW=often"}, []string{"--limits-slow", "latest"}, false)
	check([]string{"HASSESD_LIMITS_SLOW=latest"}, []string{"--limits-slow", "often"}, true)
	harness.WriteFile(t, file, []byte("[limits]\nslow = \"often\"\n"))
	check(nil, []string{"--config", file}, true)
	check([]string{"HASSESD_LIMITS_SLOW=latest"}, []string{"--config", file}, false)
}

// TestOldSpellings starts the daemon as hasses 1.30 was started.
func TestOldSpellings(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	_, port, err := net.SplitHostPort(d.HTTPS)
	if err != nil {
		t.Fatal(err)
	}
	_, controlPort, _ := net.SplitHostPort(d.TCP)
	old := []string{
		"-p=" + port, "-murl=/events", "-cp=" + controlPort, "-fifo=" + d.FIFO, "-sep=|", "-ssl",
		"-cert-file=" + d.Path("cert.pem"), "-privatekey-file=" + d.Path("key.pem"), "-cors-base=https://www.example.org",
		"-ra", "-l=" + d.Path("hasses.log"), "-pidfile=" + d.Path("hasses.pid"), "-debug", "-nodaemon",
	}
	ours := []string{"--auth", "none", "--control-socket", d.Socket, "--drain-window", "200ms"}
	conf := d.Path("hasses.conf")
	harness.WriteFile(t, conf, []byte("# the old configuration\n"+strings.Join(old, "\n")+"\n"))
	for name, args := range map[string][]string{"flags": old, "hasses.conf": {"--hasses-conf", conf}} {
		d := &harness.Daemon{
			T: t, Dir: d.Dir, CA: d.CA, Control: &harness.Shared{}, HTTPS: d.HTTPS, TCP: d.TCP, Socket: d.Socket, FIFO: d.FIFO,
			Args: append(append([]string{}, ours...), args...),
		}
		d.Run()
		r := d.Request("")
		r.Target = "/events?subscribe=a"
		r.Header = []string{"Origin: https://www.example.org"}
		s := d.Open(r)
		if got := s.Header.Get("Access-Control-Allow-Origin"); got != "https://www.example.org" {
			t.Errorf("%s: Access-Control-Allow-Origin %q", name, got)
		}
		d.Classic("tcp").Say("a=one;with semicolon|")
		harness.WantMessage(t, s, "one;with semicolon")
		harness.Run(t, "", "/bin/sh", "-c", "echo a=fifo > "+d.FIFO)
		harness.WantMessage(t, s, "fifo")
		if got := d.Status(); got.LogLevel != "debug" {
			t.Errorf("%s: log level %s", name, got.LogLevel)
		}
		pid, err := os.ReadFile(d.Path("hasses.pid"))
		if err != nil || strings.TrimSpace(string(pid)) != strconv.Itoa(d.Cmd.Process.Pid) {
			t.Errorf("%s: pid file %q, want %d (%v)", name, pid, d.Cmd.Process.Pid, err)
		}
		if info, err := os.Stat(d.Path("hasses.log")); err != nil || info.Size() == 0 {
			t.Errorf("%s: no log in the log file (%v)", name, err)
		}
		s.Close()
		d.End(d.Cmd, d.Exited)
	}
}
