package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestTrustedNetworks(t *testing.T) {
	p := Proxy{Trusted: []string{"127.0.0.1", "10.0.0.0/8", "unix", "2001:db8::/32"}}
	networks, unix := p.TrustedNetworks()
	if got := fmt.Sprint(networks, unix); got != "[127.0.0.1/32 10.0.0.0/8 2001:db8::/32] true" {
		t.Errorf("got %s", got)
	}
}

func TestProxySettings(t *testing.T) {
	for _, tt := range []struct {
		proxy Proxy
		want  string // empty: nothing is wrong
	}{
		{Proxy{}, ""},
		{Proxy{Trusted: []string{"127.0.0.1", "10.0.0.0/8", "unix"}, Protocol: true, Header: "Forwarded"}, ""},
		{Proxy{Trusted: []string{"::1"}, Header: "x-forwarded-for"}, ""},
		{Proxy{Trusted: []string{"10.0.0.0/8"}}, ""},
		{Proxy{Trusted: []string{"proxy.example.org"}}, `proxy.trusted: "proxy.example.org" is not a network`},
		{Proxy{Trusted: []string{"10.1.0.0/8"}}, "write 10.0.0.0/8"},
		{Proxy{Trusted: []string{"0.0.0.0/0"}}, "any client could then pretend to be another"},
		{Proxy{Trusted: []string{"::1"}, Header: "X-Forwarded"}, `proxy.header: "X-Forwarded" is not one of X-Forwarded-For, Forwarded`},
		{Proxy{Protocol: true}, "proxy.protocol: is set, and nobody is trusted to send a PROXY header"},
		{Proxy{Header: "Forwarded"}, "proxy.header: is set, and nobody is trusted to send Forwarded"},
		{Proxy{Trusted: strings.Split(strings.Repeat("10.0.0.0/8,", maxTrusted+1), ",")[:maxTrusted+1]}, "more than the 256"},
	} {
		s := development()
		s.Proxy = tt.proxy
		s.Proxy.UnixMode = "0660"
		err := validate(s)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%+v: got %v, want %q", tt.proxy, err, tt.want)
		}
	}
}
