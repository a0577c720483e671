package config

import (
	"reflect"
	"testing"
)

func loadHassesConf(doc string) Sources {
	return Sources{HassesConf: "h", ReadFile: files{"h": doc}.read, Flags: enough}
}

func TestHassesConfOfAnOldInstallation(t *testing.T) {
	s := mustLoad(t, loadHassesConf(`#
# This is a hasses config file

# SSE TCP port to listen
-p=8080
-cp=8085

	-murl=/sse-event
-fifo=/var/run/hasses/SSE_EVENT # where events come from
-l=/var/log/hasses.log
-pidfile=/var/run/hasses/hasses.pid
-ra

#-user=hyper
# -debug
-ssl -cert-file=cert.pem -privatekey-file=key.pem
-cors-base=http://example.com
`))
	want := Defaults()
	want.Listen = []string{"https://:8080"}
	want.Control.TCP, want.Control.FIFO = "127.0.0.1:8085", "/var/run/hasses/SSE_EVENT"
	want.Path, want.LogFile, want.PIDFile = "/sse-event", "/var/log/hasses.log", "/var/run/hasses/hasses.pid"
	want.Reinit = true
	want.TLS.CertFile, want.TLS.KeyFile = "c.pem", "k.pem" // flags win
	want.CORS.Origins = []string{"http://example.com"}
	want.Auth.Mode = []string{"none"}
	want.LogFormat, want.HassesDefaults = "classic", []string{"log_format"}
	s.sources = nil // see TestSource
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestHassesConfForms(t *testing.T) {
	for _, c := range []struct{ name, doc, path, delimiter, level string }{
		{"dash and equals", "-murl=/a", "/a", ";", "normal"},
		{"two dashes", "--murl=/a", "/a", ";", "normal"},
		{"dash and space", "-murl /a", "/a", ";", "normal"},
		{"equals", "murl=/a", "/a", ";", "normal"},
		{"equals with spaces", "murl = /a", "/a", ";", "normal"},
		{"space", "murl /a", "/a", ";", "normal"},
		{"tab", "murl\t/a", "/a", ";", "normal"},
		{"switch", "debug", "/sse", ";", "debug"},
		{"switches on one line", "-q -debug -murl=/a -ssl", "/a", ";", "debug"},
		{"switch before another", "-q -murl=/a", "/a", ";", "quiet"},
		{"comments", "; a\n # b\n\n-q # c", "/sse", ";", "quiet"},
		{"delimiter is no comment", "-sep=|\n-sep=;", "/sse", ";", "normal"},
		{"hash with a backslash", `-sep=\#`, "/sse", "#", "normal"},
		{"carriage returns", "-q\r\n-murl=/a\r\n", "/a", ";", "quiet"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := mustLoad(t, loadHassesConf(c.doc))
			if s.Path != c.path || s.Control.Delimiter != c.delimiter || s.LogLevel != c.level {
				t.Errorf("path %q, delimiter %q, level %q; want %q, %q, %q", s.Path, s.Control.Delimiter, s.LogLevel, c.path, c.delimiter, c.level)
			}
		})
	}
}

func TestHassesConfMistakes(t *testing.T) {
	wantErrors(t, loadErrors(t, loadHassesConf("-murll=/a\n\n-p\nlisten=https://:1\n=\n-\n-cp=eleven\nq=perhaps\n")),
		`h:1: "murll" is not a setting of hasses; did you mean "murl"?`,
		`h:3: "p" has no value; write -p=…`,
		`h:4: "listen" is not a setting of hasses`,
		`h:5: "" is not a setting of hasses`,
		`h:6: "" is not a setting of hasses`,
		`h:8: log_level: "perhaps" is not true or false`,
		`h:7: control.tcp: "127.0.0.1:eleven" is not an address with a port`)
}

func FuzzHassesConf(f *testing.F) {
	f.Fuzz(func(t *testing.T, doc string) {
		loadAnything(t, loadHassesConf(doc))
	})
}
