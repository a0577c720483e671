package threats

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

const (
	trustedProxy = "127.0.0.9" // of these tests; good streams and attackers come from other addresses
	forger       = "127.0.0.2"
)

// startBehindProxies starts a daemon that trusts trustedProxy. limit is how many connections an address may have beside the
// good streams.
func startBehindProxies(t *testing.T, limit int, flags ...string) *harness.Daemon {
	t.Helper()
	return harness.Start(t, append([]string{
		"--proxy-trusted", trustedProxy,
		"--limits-connections-per-address", strconv.Itoa(goodStreamCount(t) + limit),
	}, flags...)...)
}

// addresses returns the addresses in the list of clients of a room.
func addresses(d *harness.Daemon, room string) (all []string) {
	d.T.Helper()
	var list struct {
		Clients []struct {
			Addr string `json:"addr"`
		} `json:"clients"`
	}
	d.Call("clients", harness.Object{"room": room, "limit": 1000}, &list)
	for _, c := range list.Clients {
		host, _, err := net.SplitHostPort(c.Addr)
		if err != nil {
			d.T.Fatal(err)
		}
		all = append(all, host)
	}
	return all
}

// ask opens what may be a stream, or be told to come back later, and reports whether it is a stream. Its connection stays open
// until the test ends.
func ask(d *harness.Daemon, r subscriber.Request) (isStream bool, err error) {
	s, err := subscriber.Open(d.T.Context(), r)
	if err != nil {
		return false, err
	}
	d.T.Cleanup(func() { s.Close() })
	if s.Status != 200 {
		return false, fmt.Errorf("status %d", s.Status)
	}
	id, err := s.Preface()
	if err != nil {
		return false, err
	}
	if id == "" { // a retry: alone
		s.Close()
		return false, nil
	}
	return true, nil
}

// TestT35ForgedAddresses: clients that no proxy speaks for send PROXY headers and forwarding fields. None of them gets another
// address, in lists or in limits, and the log names the header.
func TestT35ForgedAddresses(t *testing.T) {
	t.Parallel()
	d := startBehindProxies(t, 20, "--proxy-protocol", "--proxy-header", "X-Forwarded-For")
	good := attackedGoodStreams(d)
	opened, deferred := 0, 0
	for i := range goodStreamCount(t) + 40 {
		r := d.Plain("subscribe=forged")
		r.From = forger
		r.Header = []string{fmt.Sprintf("X-Forwarded-For: 198.51.100.%d", i%250), "Forwarded: for=127.0.0.9", "X-Real-IP: " + trustedProxy}
		switch isStream, err := ask(d, r); {
		case err != nil:
			deferred++ // far over the limit, connections are reset
		case isStream:
			opened++
		default:
			deferred++
		}
	}
	if want := goodStreamCount(t) + 20; opened != want || deferred != 20 {
		t.Errorf("%d streams and %d refusals, want %d and 20", opened, deferred, want)
	}
	for _, addr := range addresses(d, "forged") {
		if addr != forger {
			t.Fatalf("a client is listed as %s", addr)
		}
	}
	for _, header := range []string{
		"PROXY TCP4 198.51.100.1 127.0.0.1 4711 443\r\n",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x01\x7f\x00\x00\x01\x12\x67\x01\xbb",
	} {
		for _, r := range []subscriber.Request{d.Request("subscribe=x"), d.Plain("subscribe=x")} {
			r.From, r.Preamble = "127.0.0.3", header
			if s, err := subscriber.Open(t.Context(), r); err == nil {
				if s.Status != 400 {
					t.Errorf("a forged header: status %d", s.Status)
				}
				s.Close()
			}
		}
	}
	harness.Eventually(t, "forged headers are counted", func() bool { return d.Status().Closed["proxy_header"] == 4 })
	if !d.Log.WaitFor("the connection begins with a PROXY header") {
		t.Error("the log does not name the header")
	}
	good.survived()
}

// TestT36HalfPROXYHeaders: a proxy, or another program on its machine, begins headers and never ends them, or sends none. Each such
// connection has the time of a handshake, and costs none.
func TestT36HalfPROXYHeaders(t *testing.T) {
	t.Parallel()
	d := startBehindProxies(t, 20, "--proxy-protocol", "--limits-handshake-timeout", "3s")
	good := attackedGoodStreams(d)
	const each = 100
	begin := []string{"PROXY TCP4 198.51.100.1 127", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x0f\xf0\xc6\x33", "P"}
	var all sync.WaitGroup
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(trustedProxy)}, Timeout: harness.Patience}
	for i := range each * len(begin) {
		conn, err := dialer.DialContext(t.Context(), "tcp", d.HTTPS)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		all.Go(func() {
			for _, b := range []byte(begin[i%len(begin)]) { // a trickle prolongs nothing
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	harness.Eventually(t, "half headers are refused", func() bool { return d.Status().Closed["proxy_header_invalid"] == each*uint64(len(begin)) })
	for _, r := range []subscriber.Request{d.Request("subscribe=x"), d.Plain("subscribe=x")} {
		r.From = trustedProxy
		if s, err := subscriber.Open(t.Context(), r); err == nil {
			t.Errorf("without a header: status %d", s.Status)
			s.Close()
		}
	}
	if n := d.Status().Closed["proxy_header_missing"]; n != 2 {
		t.Errorf("%d connections without a header are counted", n)
	}
	if !d.Log.WaitFor("a trusted proxy opens a connection without a PROXY header") {
		t.Error("the log does not name connections without a header")
	}
	if limits := d.Limits(); limits.Penalties.Total != 0 || len(limits.Penalties.Violations) > 0 && limits.Penalties.Violations["handshake_timeout"] != 0 {
		t.Errorf("the proxy has penalties: %+v", limits.Penalties)
	}
	r := d.Request("subscribe=whole")
	r.From, r.Preamble = trustedProxy, "PROXY TCP4 198.51.100.1 127.0.0.1 4711 443\r\n"
	d.Open(r)
	if got := addresses(d, "whole"); len(got) != 1 || got[0] != "198.51.100.1" {
		t.Errorf("after the attack: clients %v", got)
	}
	good.survived()
}

// TestT37OneClientBehindAProxy: a client behind a proxy invents addresses in the field that the proxy then adds its own to, by
// the thousand. All it does counts for the address that the proxy has seen.
func TestT37OneClientBehindAProxy(t *testing.T) {
	t.Parallel()
	for field, line := range map[string]func(forged, seen string) string{
		"X-Forwarded-For": func(forged, seen string) string { return "X-Forwarded-For: " + forged + ", " + seen },
		"Forwarded": func(forged, seen string) string {
			return `Forwarded: for="` + forged + `, for="` + seen + `:4711"` // the first quote has no end
		},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			d := startBehindProxies(t, 20, "--proxy-header", field)
			good := attackedGoodStreams(d)
			request := func(room, forged, seen string) subscriber.Request {
				r := d.Plain("subscribe=" + room)
				r.From = trustedProxy
				r.Header = []string{line(forged, seen)}
				return r
			}
			most := goodStreamCount(t) + 20
			opened := 0
			for i := range most + 500 {
				isStream, err := ask(d, request("forged", fmt.Sprintf("203.0.%d.%d", i/250, i%250), "198.51.100.7"))
				if err != nil {
					t.Fatal(err) // a proxy would answer 502, and browsers give up
				}
				if isStream {
					opened++
				}
			}
			if opened != most {
				t.Errorf("%d streams of one client, want %d", opened, most)
			}
			if got := strings.Join(addresses(d, "forged"), " "); strings.Trim(strings.ReplaceAll(got, "198.51.100.7", ""), " ") != "" {
				t.Errorf("clients are listed as %s", got)
			}
			if isStream, err := ask(d, request("other", "garbage", "198.51.100.8")); err != nil || !isStream {
				t.Errorf("another client of the proxy: stream %v, %v", isStream, err)
			}
			if n := d.Status().Refused["connections_per_address"]; n != 500 {
				t.Errorf("%d refusals are counted, want 500", n)
			}
			good.survived()
		})
	}
}
