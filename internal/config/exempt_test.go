package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestExemptNetworks(t *testing.T) {
	l := Limits{Exempt: []string{"auto", "10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1", "::ffff:192.0.2.8"}}
	want := "[10.0.0.0/8 192.0.2.7/32 2001:db8::/32 ::1/128 192.0.2.8/32]"
	if got := fmt.Sprint(l.ExemptNetworks()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestThisMachineIsExemptFromLimitsAtTheirDefaults(t *testing.T) {
	const perAddress, rate = "limits.connections_per_address", "limits.handshake_rate"
	s := Defaults()
	if !s.ExemptsLoopback(perAddress) || !s.ExemptsLoopback(rate) {
		t.Error("by default it is not exempt")
	}
	s.Limits.ConnectionsPerAddress = 5
	if s.ExemptsLoopback(perAddress) || !s.ExemptsLoopback(rate) {
		t.Error("a limit that was set must hold here too, and the others must not")
	}
	s = Defaults()
	s.Limits.Exempt = []string{"10.0.0.0/8"}
	if s.ExemptsLoopback(perAddress) {
		t.Error("exempt without being named")
	}
}

func TestWhatCannotBeExempt(t *testing.T) {
	for _, tt := range []struct {
		list []string
		want string // empty: nothing is wrong
	}{
		{[]string{"auto"}, ""},
		{[]string{"none"}, ""},
		{nil, ""},
		{[]string{"auto", "192.0.2.0/24"}, ""},
		{[]string{"office"}, `"office" is not a network`},
		{[]string{"10.0.0.0/33"}, `"10.0.0.0/33" is not a network`},
		{[]string{"10.1.2.3/8"}, "write 10.0.0.0/8"},
		{[]string{"fe80::1%eth0"}, "is not a network"},
		{[]string{"::ffff:10.0.0.0/104"}, "IPv4 network in IPv6 form"},
		{[]string{"none", "10.0.0.0/8"}, "none cannot be combined with networks"},
		{strings.Split(strings.Repeat("10.0.0.0/8,", maxExempt+1), ",")[:maxExempt+1], "more than the 64"},
	} {
		s := development()
		s.Limits.Exempt = tt.list
		err := validate(s)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%v: got %v, want %q", tt.list, err, tt.want)
		}
	}
}
