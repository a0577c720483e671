package bench

import (
	"strings"
	"testing"
)

func TestTarget(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url     string
		want    target
		request string
	}{
		{
			"https://example.org/sse?subscribe={room}&x=y#z",
			target{path: "/sse?subscribe={room}&x=y", secure: true, address: "example.org:443", host: "example.org", name: "example.org"},
			"GET /sse?subscribe=a&x=y HTTP/1.1\r\nHost: example.org\r\n",
		},
		{
			"http://[::1]:8080/{room}",
			target{path: "/{room}", address: "[::1]:8080", host: "[::1]:8080", name: "::1"},
			"GET /a HTTP/1.1\r\nHost: [::1]:8080\r\n",
		},
		{
			"http://h?{room}",
			target{path: "/?{room}", address: "h:80", host: "h", name: "h"},
			"GET /?a HTTP/1.1\r\nHost: h\r\n",
		},
	} {
		got, err := newTarget(tt.url, nil)
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", tt.url, got, err, tt.want)
		}
		request := string(got.subscription("a", "k3-7"))
		if !strings.HasPrefix(request, tt.request) || !strings.HasSuffix(request, "\r\nLast-Event-ID: k3-7\r\n\r\n") {
			t.Errorf("%s: request %q", tt.url, request)
		}
	}
}

func TestTargetWithHeaders(t *testing.T) {
	t.Parallel()
	got, err := newTarget("http://h/{room}", []string{"Authorization: Bearer x", "X-Empty:"})
	if err != nil {
		t.Fatal(err)
	}
	want := "POST /a HTTP/1.1\r\nHost: h\r\nUser-Agent: hassesctl-bench\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n" +
		"Authorization: Bearer x\r\nX-Empty: \r\n\r\nhi"
	if request := string(got.publication("a", []byte("hi"))); request != want {
		t.Errorf("request %q, want %q", request, want)
	}
}

func TestNoTarget(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url     string
		headers []string
		want    string
	}{
		{"", nil, "not the URL of a server"},
		{"https:///{room}", nil, "not the URL of a server"},
		{"https://{room}.example.org/", nil, "not the URL of a server"},
		{"https://example.org/sse", nil, "has no place for the room"},
		{"https://example.org:x/{room}", nil, "is not a URL"},
		{"https://h/{room}", []string{"no colon"}, "must be NAME: VALUE"},
		{"https://h/{room}", []string{"X: a\r\nY: b"}, "must be NAME: VALUE"},
	} {
		if _, err := newTarget(tt.url, tt.headers); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q %q: error %v, want %q", tt.url, tt.headers, err, tt.want)
		}
	}
}
