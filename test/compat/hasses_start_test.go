package compat

import (
	"errors"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// asHasses prepares a daemon that is started as hasses 1.30 was, without TLS, with the given
// additional flags.
func asHasses(t testing.TB, flags ...string) *harness.Daemon {
	t.Helper()
	d := harness.Prepare(t)
	_, port, err := net.SplitHostPort(d.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	_, controlPort, err := net.SplitHostPort(d.TCP)
	if err != nil {
		t.Fatal(err)
	}
	d.Args = append([]string{
		"-p=" + port, "-murl=/sse", "-cp=" + controlPort, "-fifo=" + d.FIFO, "-nodaemon",
		"--auth", "none", "--plaintext", "--control-socket", d.Socket, "--drain-window", "200ms",
	}, flags...)
	return d
}

// TestHassesAnswers cuts fields out of the answers of tcp… commands, as scripts without JSON do.
func TestHassesAnswers(t *testing.T) {
	t.Parallel()
	d := asHasses(t)
	d.Run()
	d.Open(d.Plain("subscribe=room624"))
	d.AwaitStreams("room624", 1)
	c := d.Classic("tcp")
	for command, want := range map[string]string{
		"tcpstatus":                    `","mode": "unencrypted (http)","loglevel": 1,"allconncli": 1,"sseconncli": 1,"maxconncli": 1,"msgproccnt": 0,"msgsendcnt": 0,`,
		"tcpnumberofclients":           `{"numberofclients": 1}`,
		"tcpsubscribedclients:room624": `{"subscribedclients": 1, "subscribedfor": "room624"}`,
		"tcpsubscribedclients:other":   `{"subscribedclients": 0, "subscribedfor": "other"}`,
		"tcpclientlist":                `"rooms": ["room624"],`,
	} {
		if got := c.Ask(command); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s in it", command, got, want)
		}
	}
}

// TestHassesFIFO starts with a FIFO left by hasses, mostly of mode 0644, and checks who may write
// to it with each setting.
func TestHassesFIFO(t *testing.T) {
	t.Parallel()
	const warning = "every user of this machine may publish through the FIFO"
	for _, tt := range []struct {
		name  string
		flags []string
		env   []string
		found os.FileMode // 0: no FIFO yet
		want  os.FileMode
	}{
		{"the default", nil, nil, 0, 0o620},
		{"one that hasses has left", nil, nil, 0o644, 0o620},
		{"as open as that of hasses", []string{"--control-fifo-mode", "0666"}, nil, 0, 0o666},
		{"as open, and left by hasses", []string{"--control-fifo-mode", "0666"}, nil, 0o666, 0o666},
		{"by the environment", nil, []string{"HASSESD_CONTROL_FIFO_MODE=0600"}, 0, 0o600},
		{"with its group", []string{"--control-fifo-group", strconv.Itoa(os.Getegid())}, nil, 0, 0o620},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := asHasses(t, tt.flags...)
			d.Env = tt.env
			if tt.found != 0 {
				if err := errors.Join(syscall.Mkfifo(d.FIFO, 0o600), os.Chmod(d.FIFO, tt.found)); err != nil {
					t.Fatal(err)
				}
			}
			d.Run()
			info, err := os.Stat(d.FIFO)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode(); got != os.ModeNamedPipe|tt.want {
				t.Errorf("mode %s, want %s", got, os.ModeNamedPipe|tt.want)
			}
			if warned := d.Log.Contains(warning); warned != (tt.want&0o002 != 0) {
				t.Errorf("warned: %t", warned)
			}
			s := d.Open(d.Plain("subscribe=a"))
			if r := harness.Run(t, "", "/bin/sh", "-c", "echo a=fifo > "+d.FIFO); r.Code != 0 {
				t.Fatal(r)
			}
			harness.WantMessage(t, s, "fifo")
		})
	}
}

// TestHassesFIFOOfEverybody replaces a FIFO that other users may have open, unless the settings let
// everybody write.
func TestHassesFIFOOfEverybody(t *testing.T) {
	t.Parallel()
	d := asHasses(t)
	if err := errors.Join(syscall.Mkfifo(d.FIFO, 0o600), os.Chmod(d.FIFO, 0o666)); err != nil {
		t.Fatal(err)
	}
	d.Launch()
	if code := d.Wait(harness.Patience); code == 0 || !d.Log.WaitFor("control.fifo_mode = ") {
		t.Errorf("exit code %d: %s; want an error that names control.fifo_mode", code, d.Log)
	}
}

// TestHassesPreflight sends the preflight request that a browser sends for the polyfill of hasses'
// pages.
func TestHassesPreflight(t *testing.T) {
	t.Parallel()
	d := asHasses(t)
	d.Run()
	r := d.Plain("subscribe=a")
	r.Method = "OPTIONS"
	r.Header = []string{
		"Origin: https://page.example.org", "Access-Control-Request-Method: GET",
		"Access-Control-Request-Headers: cache-control,last-event-id,x-requested-with",
	}
	s, err := subscriber.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	allowed := strings.ToLower(s.Header.Get("Access-Control-Allow-Headers"))
	for _, name := range []string{"cache-control", "last-event-id", "x-requested-with"} {
		if !strings.Contains(allowed, name) {
			t.Errorf("%s is not allowed: %q", name, allowed)
		}
	}
	if s.Status != 204 || s.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("status %d, %v", s.Status, s.Header)
	}
}

// TestHassesOrigins subscribes from a page of another origin. Every origin may where hasses'
// spellings name none.
func TestHassesOrigins(t *testing.T) {
	t.Parallel()
	const page = "https://page.example.org"
	for _, tt := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"nothing said", nil, "*"},
		{"its own name", []string{"-cors-base=" + page}, page},
		{"another name", []string{"-cors-base=https://www.example.org"}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := asHasses(t, tt.flags...)
			d.Run()
			r := d.Plain("subscribe=a")
			r.Header = []string{"Origin: " + page}
			s := d.Open(r)
			if got := s.Header.Get("Access-Control-Allow-Origin"); got != tt.want {
				t.Errorf("Access-Control-Allow-Origin is %q, want %q", got, tt.want)
			}
			if got := s.Header.Get("Access-Control-Allow-Credentials"); got != "" && tt.want != page {
				t.Errorf("Access-Control-Allow-Credentials is %q", got)
			}
			if told := d.Log.Contains("pages of any web origin may read streams"); told != (tt.want == "*") {
				t.Errorf("the log says that any origin may read: %t", told)
			}
			want := tt.want
			if tt.flags != nil {
				want = strings.TrimPrefix(tt.flags[0], "-cors-base=")
			}
			c := d.Classic("tcp")
			c.Say("status\n")
			if got := c.Until("------------- end --------------"); !strings.Contains(got, "CORS-base url: "+want+"\n") {
				t.Errorf("status: %s; want the CORS-base url %s", got, want)
			}
		})
	}
}
