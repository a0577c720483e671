package core

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// TestAPROXYHeaderIsTheClientInEverything: over TLS and without, in lists, the log, the classic list and the address of a signed
// URL.
func TestAPROXYHeaderIsTheClientInEverything(t *testing.T) {
	t.Parallel()
	d := harness.Guarded(t, "--proxy-trusted", "127.0.0.1", "--proxy-protocol")
	d.Run()
	url := harness.RequestTarget(t, d.SignURL("--ip", "2001:db8::/64", "--id", "x", "a"))
	for name, preamble := range map[string]string{
		"[2001:db8::1]:50190": "PROXY TCP6 2001:db8::1 2001:db8::2 50190 443\r\n",
		"[2001:db8::2]:258": "\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x27" + "\x20\x01\x0d\xb8" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" +
			"\x20\x01\x0d\xb8" + "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09" + "\x01\x02\x01\xbb" + "\x04\x00\x00",
	} {
		r := d.Request("")
		r.Target, r.Preamble = url, preamble
		s := d.Open(r)
		if got := d.ClientAddr("x"); got != name {
			t.Errorf("client %s, want %s", got, name)
		}
		if r := d.Ctl("clients"); !strings.Contains(r.Stdout, name) {
			t.Errorf("clients: %s", r)
		}
		if !d.Log.WaitFor(`msg="stream opened" conn=`) || !d.Log.WaitFor("peer="+name) {
			t.Error("the log does not have the client's address")
		}
		s.Close()
		d.AwaitStreams("a", 0)
	}
	r := d.Request("")
	r.Target, r.Preamble = url, "PROXY TCP6 2001:db8:0:1::1 2001:db8::2 50190 443\r\n" // another network
	s, err := subscriber.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Status != 401 {
		t.Errorf("a signed URL from another address: status %d", s.Status)
	}
}

// TestAFieldIsTheClientInEverything: for each version of HTTP, and in the address of a signed URL.
func TestAFieldIsTheClientInEverything(t *testing.T) {
	t.Parallel()
	d := harness.Guarded(t, "--proxy-trusted", "127.0.0.1", "--proxy-header", "Forwarded")
	d.Run()
	url := "http://" + d.HTTP + harness.RequestTarget(t, d.SignURL("--ip", "192.0.2.7", "--id", "x", "a"))
	for proto, client := range map[string]*http.Client{"HTTP/1.1": plainClient(false), "HTTP/2.0": plainClient(true)} {
		for field, status := range map[string]int{
			`for=203.0.113.9, for="192.0.2.7:4711";proto=https`: 200,
			"for=192.0.2.7, for=203.0.113.9":                    401,
			"for=192.0.2.7, for=unknown":                        401,
		} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Forwarded", field)
			answer, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if answer.StatusCode != status || answer.Proto != proto {
				t.Errorf("%s %s: %s %d, want %d", proto, field, answer.Proto, answer.StatusCode, status)
			}
			if status == 200 {
				if got := d.ClientAddr("x"); got != "192.0.2.7:4711" {
					t.Errorf("%s: client %s", proto, got)
				}
			}
			_ = answer.Body.Close()
			d.AwaitStreams("a", 0)
		}
	}
}

// plainClient speaks HTTP/1.1, or HTTP/2 with prior knowledge, without TLS.
func plainClient(http2 bool) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(!http2)
	p.SetUnencryptedHTTP2(http2)
	return &http.Client{Transport: &http.Transport{Protocols: p}}
}
