package tlsconn

import (
	"bytes"
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"testing"
)

func noise(n int) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(p)
	return p
}

// fragment puts each byte of a handshake message into a record of its own.
func fragment(message []byte) []byte {
	var out []byte
	for _, b := range message {
		out = append(out, 22, 3, 1, 0, 1, b)
	}
	return out
}

// What a stranger may send first, and whether it looks enough like TLS to get an alert.
var firstBytes = map[string]struct {
	bytes []byte
	alert bool
}{
	"nothing":                     {nil, false},
	"one byte":                    {[]byte{22}, false},
	"HTTP":                        {[]byte("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"), false},
	"HTTP cut short":              {[]byte("GET"), false},
	"HTTP/2":                      {[]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), false},
	"SSH":                         {[]byte("SSH-2.0-OpenSSH_9.9\r\n"), false},
	"12 KB of noise":              {append([]byte{7}, noise(12<<10)...), false},
	"noise after a record header": {append([]byte{22, 3, 1, 0x2f, 0xff}, noise(12<<10)...), true},
	"zeros":                       {make([]byte, 4096), false},
	"SSLv2 hello":                 {append([]byte{0x80, 0x2e, 1, 0, 2}, make([]byte, 60)...), true},
	"empty record":                {[]byte{22, 3, 1, 0, 0}, true},
	"record too long":             {append([]byte{22, 3, 1, 0xff, 0xff}, noise(100)...), true},
	"record cut short":            {append([]byte{22, 3, 1, 2, 0}, noise(100)...), false},
	"hello too long":              {fragment([]byte{1, 1, 0, 1}), true},
	"hello in fragments, bad":     {fragment(message(1, 50)), true},
	"empty hello":                 {append(recordHeader(22, 4), 1, 0, 0, 0), true},
	"other message":               {append(recordHeader(22, 4), 20, 0, 0, 0), true},
	"fatal alert":                 {[]byte{21, 3, 1, 0, 2, 2, 40}, false},
	"flood of warnings":           {bytes.Repeat([]byte{21, 3, 1, 0, 2, 1, 90}, 100), true},
	"close_notify":                {[]byte{21, 3, 1, 0, 2, 1, 0}, false},
	"data first":                  {append(recordHeader(23, 4), "data"...), false},
	"version 0x1000":              {[]byte{22, 0x10, 0, 0, 4, 1, 0, 0, 0}, false},
}

func TestWrongFirstBytes(t *testing.T) {
	t.Parallel()
	for name, first := range firstBytes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range versions {
				sc := scenario{config: serverConfig(v), client: bytesOf(first.bytes)}
				want := sc.blocking(t)
				if want.handshake == nil {
					t.Fatal("comparison: the handshake succeeded")
				}
				if got := len(want.said) > 0; got != first.alert {
					t.Errorf("comparison: alert sent: %v, want %v (%v)", got, first.alert, want.handshake)
				}
				scripts := []script{{}, {reads: cycle(1, 0)}, {reads: cycle(3, 0, 100), writes: cycle(0, 1, 2)}}
				for k := range min(len(first.bytes), 70) {
					scripts = append(scripts, script{reads: splitAt(k)})
				}
				for i, s := range scripts {
					got := sc.stepped(t, s)
					if err := got.sameAs(want); err != nil {
						t.Errorf("%s, script %d: %v", tls.VersionName(v), i, err)
					}
					if s.writes == nil && !bytes.Equal(got.said, want.said) {
						t.Errorf("%s, script %d: said % x, a blocking connection says % x", tls.VersionName(v), i, got.said, want.said)
					}
				}
			}
		})
	}
}

func TestPlainHTTPIsToldFromTLS(t *testing.T) {
	t.Parallel()
	o := scenario{config: serverConfig(tls.VersionTLS13), client: bytesOf([]byte("GET / HTTP/1.1\r\n\r\n"))}.stepped(t, script{})
	header, ok := errors.AsType[tls.RecordHeaderError](o.handshake)
	if !ok || string(header.RecordHeader[:]) != "GET /" {
		t.Errorf("got error %v with header %q, want a tls.RecordHeaderError with the first bytes", o.handshake, header.RecordHeader)
	}
}
