package server_test

import (
	"io"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/server"
	"github.com/hassesd/hassesd/internal/admission"
)

// The TLS door judges as the subscribers' ports do: clients without trust, monitors and proxies
// that are half set up owe nothing, or no more than they cost.
func TestWhatHonestClientsDoAtTheControlPort(t *testing.T) {
	const unknownCA = "\x15\x03\x03\x00\x02\x02\x30" // in the clear, as OpenSSL sends it
	failed, broken := admission.HandshakeFailed.String(), admission.ProtocolBroken.String()
	for _, tt := range []struct {
		name, first string // first: sent at once; empty: a ClientHello
		then        string // sent after the daemon's answer
		reason      api.Refusal
		violation   string
	}{
		{"a client without trust", "", unknownCA, api.RefusedDistrust, ""},
		{"a hello and no more", "", "", api.RefusedHandshake, failed},
		{"noise after the hello", "", "\x17\x03\x03\x00\x20" + strings.Repeat("\xff", 32), api.RefusedHandshake, broken},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", "", api.RefusedHTTP, ""},
		{"a PROXY header", "PROXY TCP4 192.0.2.9 192.0.2.1 4000 443\r\n", "", api.RefusedPlain, ""},
		{"a command", "a=1\n", "", api.RefusedPlain, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := admission.New(admission.Limits{Penalties: admission.PenaltiesOn})
			d := openTLSServerWith(t, server.Options{Admission: table})
			p := connect(t, "tcp", d.addr)
			if tt.first != "" {
				p.send(tt.first)
			} else {
				begin, rest := firstFlight(t, d.Config(d.root))
				p.send(begin + rest)
				if _, err := p.r.ReadByte(); err != nil {
					t.Fatal(err)
				}
				p.send(tt.then)
			}
			if err := p.conn.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, p.r)
			if got := d.backend.WaitRefusals(t, 1); got[0] != string(tt.reason) {
				t.Errorf("refused for %s, want %s", got[0], tt.reason)
			}
			want := map[string]uint64{}
			if tt.violation != "" {
				want[tt.violation] = 1
			}
			got := table.Stats(time.Hour, 1).Violations
			maps.DeleteFunc(got, func(_ string, n uint64) bool { return n == 0 })
			if !maps.Equal(got, want) {
				t.Errorf("violations %v, want %v", got, want)
			}
			if tt.reason == api.RefusedDistrust {
				d.wantLogged(t, "unknown certificate authority")
				d.wantLogged(t, "the client does not trust our certificate")
			}
		})
	}
}
