package acmecert

import (
	"net/url"
	"slices"
	"testing"
)

func TestPorts(t *testing.T) {
	for directory, want := range map[string][]uint16{
		"https://acme-v02.api.letsencrypt.org/directory": {443},
		"https://127.0.0.1:14000/dir":                    {14000},
		"https://[::1]:99999/dir":                        {443}, // no port
		":":                                              nil,
	} {
		if got := Ports(directory); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", directory, got, want)
		}
	}
}

func TestPortsOfProxies(t *testing.T) {
	for text, want := range map[string]uint16{
		"http://proxy.example":         80,
		"http://proxy.example:3128":    3128,
		"https://proxy.example":        443,
		"socks5://proxy.example":       1080,
		"socks5h://proxy.example:9050": 9050,
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := portOf(u); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}
