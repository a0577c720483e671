package options

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge/proxy"
	"github.com/hassesd/hassesd/internal/sse"
)

func TestEverySettingOfTheEdgeIsPassedOn(t *testing.T) {
	s := config.Defaults()
	s.TLS.Records = config.RecordsAuto
	s.Dev, s.Auth.AllowAllRooms, s.CORS.Credentials, s.Demo = true, true, true, true
	s.CORS.Origins = []string{"https://example.org"}
	s.Heartbeat.Event = "ping"
	s.Proxy = config.Proxy{Trusted: []string{"192.0.2.1", "unix"}, Protocol: true, Header: "forwarded"}
	s.HTTP2HeaderTable, s.Limits.Streams, s.Publish.HTTP = 4096, 1, true
	s.Limits.StreamAge, s.Limits.Connections, s.Limits.ConnectionsPerAddress = time.Hour, 1, 1
	v := reflect.ValueOf(Edge(&s, &auth.Policy{}))
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set", v.Type().Field(i).Name)
		}
	}
}

func TestProxies(t *testing.T) {
	s := config.Defaults()
	s.Proxy = config.Proxy{Trusted: []string{"192.0.2.1", "unix"}, Protocol: true, Header: "forwarded"}
	got := Edge(&s, nil).Proxies
	if !got.Protocol || got.Field != proxy.Forwarded || !got.Trusted.Has(netip.MustParseAddr("192.0.2.1")) || !got.Trusted.Has(netip.Addr{}) {
		t.Errorf("got %+v", got)
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
