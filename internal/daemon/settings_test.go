package daemon

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/sse"
)

func TestEverySettingOfTheEdgeIsPassedOn(t *testing.T) {
	s := config.Defaults()
	s.Dev, s.Auth.AllowAllRooms, s.CORS.Credentials, s.Demo = true, true, true, true
	s.CORS.Origins = []string{"https://example.org"}
	s.Heartbeat.Event = "ping"
	s.Limits.StreamAge, s.Limits.Connections, s.Limits.ConnectionsPerAddress = time.Hour, 1, 1
	v := reflect.ValueOf(edgeConfig(&s, &auth.Policy{}))
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set", v.Type().Field(i).Name)
		}
	}
}

// What the daemon says itself under a name, no publisher can.
func TestOwnEventsAreReserved(t *testing.T) {
	for _, name := range []string{sse.GapEvent, sse.ReauthorizeEvent} {
		if !strings.HasPrefix(name, sse.ReservedNames) {
			t.Errorf("%s could be sent by anybody who may publish", name)
		}
	}
}

func TestHSTS(t *testing.T) {
	for _, tc := range []struct {
		in   config.HSTS
		want string
	}{
		{config.HSTS{}, ""},
		{config.HSTS{MaxAge: time.Hour}, "max-age=3600"},
		{config.HSTS{MaxAge: time.Hour, IncludeSubdomains: true}, "max-age=3600; includeSubDomains"},
		{config.HSTS{IncludeSubdomains: true}, ""},
	} {
		if got := hsts(tc.in); got != tc.want {
			t.Errorf("%+v: got %q, want %q", tc.in, got, tc.want)
		}
	}
}

func TestMode(t *testing.T) {
	for _, tc := range []struct {
		listen []string
		want   string
	}{
		{[]string{"https://:1"}, "https"},
		{[]string{"http://:1"}, "http"},
		{[]string{"https://:1", "http://:2"}, "mixed"},
	} {
		if got := mode(tc.listen); got != tc.want {
			t.Errorf("%v: got %s, want %s", tc.listen, got, tc.want)
		}
	}
}

func TestSplitListen(t *testing.T) {
	for _, tc := range []struct {
		listen, address string
		secure          bool
	}{
		{"https://:8443", ":8443", true},
		{"https://127.0.0.1:9443", "127.0.0.1:9443", true},
		{"https://[::1]:9443", "[::1]:9443", true},
		{"http://example.org", "example.org:80", false},
		{"https://example.org", "example.org:443", true},
	} {
		address, secure, err := splitListen(tc.listen)
		if err != nil || address != tc.address || secure != tc.secure {
			t.Errorf("%s: got %s, %v, %v", tc.listen, address, secure, err)
		}
	}
}

func TestEpochsDiffer(t *testing.T) {
	seen := map[string]bool{}
	now := time.Now()
	for range 20 {
		seen[newEpoch(now)] = true
	}
	if len(seen) < 19 { // one collision among 46,656 is bad luck, two are a fault
		t.Errorf("20 starts in one millisecond have %d epochs", len(seen))
	}
}
