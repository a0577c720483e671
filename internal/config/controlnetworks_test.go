package config

import (
	"net/netip"
	"slices"
	"testing"
)

// openControl opens the control port to networks.
func openControl(networks ...string) func(*Settings) {
	return func(s *Settings) { s.Control.TCP, s.Control.TCPNetworks = ":1", networks }
}

func TestControlNetworks(t *testing.T) {
	for _, tc := range []struct {
		tcp, networks string
		isOpen        bool
	}{
		{":8085", "172.16.0.0/12", true},
		{"0.0.0.0:8085", "10.1.0.0/16, 192.168.7.9,fd00:1::/32", true},
		{"[::]:8085", "fe80::/10,169.254.0.0/16,100.64.0.0/10", true},
		{"hassesd:8085", "10.0.0.0/8", true},
		{"127.0.0.1:8085", "10.0.0.0/8", true}, // whatever it listens on, it must be told
		{":8085", "127.0.0.0/8,::1", false},
	} {
		in := Sources{Flags: append(slices.Clone(enough), flags("--control-tcp="+tc.tcp)...), Env: []string{"HASSESD_CONTROL_TCP_NETWORKS=" + tc.networks}}
		s := mustLoad(t, in)
		if got := s.Control.IsOpenToNetworks(); got != tc.isOpen {
			t.Errorf("%s from %s: open to other machines: %v, want %v", tc.tcp, tc.networks, got, tc.isOpen)
		}
		if got := s.Control.Networks(); len(got) != len(splitItems(tc.networks)) {
			t.Errorf("%s: networks %v", tc.networks, got)
		}
	}
}

func TestPrivateNetworks(t *testing.T) {
	for text, want := range map[string]bool{
		"10.0.0.0/8": true, "10.255.255.255/32": true, "172.31.255.0/24": true, "192.168.0.0/16": true, "fd12::/16": true, "::1/128": true,
		"0.0.0.0/0": false, "8.0.0.0/6": false, "172.32.0.0/16": false, "192.168.0.0/15": false, "fc00::/6": false, "::/0": false, "::/127": false, "9.9.9.9/32": false,
	} {
		if got := isPrivate(netip.MustParsePrefix(text)); got != want {
			t.Errorf("%s is private: %v, want %v", text, got, want)
		}
	}
}
