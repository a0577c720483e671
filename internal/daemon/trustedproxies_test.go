package daemon

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/config"
)

func TestTrustIsLogged(t *testing.T) {
	const unixListen = "unix:/run/h/http.sock"
	for _, tt := range []struct {
		name   string
		listen string
		proxy  config.Proxy
		want   []string // parts of the log; nil: nothing
		not    string
	}{
		{"nobody", "https://:443", config.Proxy{UnixMode: "0660"}, nil, ""},
		{"a header", "http://:80", config.Proxy{Trusted: []string{"10.0.0.1"}, Header: "Forwarded", UnixMode: "0660"}, []string{"trusted=[10.0.0.1]", "header=Forwarded"}, "WARN"},
		{"in vain", "http://:80", config.Proxy{Trusted: []string{"10.0.0.1"}, UnixMode: "0660"}, []string{"trusted proxies name no clients"}, ""},
		{"a socket for everybody", unixListen, config.Proxy{Trusted: []string{"unix"}, Header: "Forwarded", UnixMode: "0666"}, []string{"every user of this machine may name clients"}, ""},
		{"a socket for a group", unixListen, config.Proxy{Trusted: []string{"unix"}, Header: "Forwarded", UnixMode: "0660"}, []string{"trusted=[unix]"}, "WARN"},
		{"no such socket", "http://:80", config.Proxy{Trusted: []string{"unix"}, Header: "Forwarded", UnixMode: "0666"}, []string{"trusted=[unix]"}, "WARN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := config.Defaults()
			s.Listen, s.Proxy = []string{tt.listen}, tt.proxy
			var text bytes.Buffer
			logTrustedProxies(slog.New(slog.NewTextHandler(&text, nil)), &s)
			got := text.String()
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("log %q, want %q", got, want)
				}
			}
			if tt.want == nil && got != "" || tt.not != "" && strings.Contains(got, tt.not) {
				t.Errorf("log %q", got)
			}
		})
	}
}
