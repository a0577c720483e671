package site

import (
	"testing"

	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/edge/exchange"
)

func TestDecide(t *testing.T) {
	const stream, demo = true, true
	tests := []struct {
		name   string
		req    exchange.Request
		demo   bool
		stream bool
		status int
		code   exchange.Code
	}{
		{"GET", exchange.Request{Method: "GET", Path: "/sse", RawQuery: "subscribe=a"}, !demo, stream, 0, ""},
		{"HEAD", exchange.Request{Method: "HEAD", Path: "/sse", RawQuery: "subscribe=a"}, !demo, !stream, 200, ""},
		{"HEAD without rooms", exchange.Request{Method: "HEAD", Path: "/sse"}, !demo, !stream, 400, exchange.CodeMissingRooms},
		{"OPTIONS", exchange.Request{Method: "OPTIONS", Path: "/sse"}, !demo, !stream, 204, ""},
		{"OPTIONS *", exchange.Request{Method: "OPTIONS", Path: "*"}, !demo, !stream, 204, ""},
		{"OPTIONS elsewhere", exchange.Request{Method: "OPTIONS", Path: "/x"}, !demo, !stream, 404, exchange.CodeNotFound},
		{"POST", exchange.Request{Method: "POST", Path: "/sse", RawQuery: "subscribe=a"}, !demo, !stream, 405, exchange.CodeMethodNotAllowed},
		{"POST with a body", exchange.Request{Method: "POST", Path: "/sse", HasBody: true}, !demo, !stream, 405, exchange.CodeMethodNotAllowed},
		{"POST elsewhere", exchange.Request{Method: "POST", Path: "/x", HasBody: true}, !demo, !stream, 404, exchange.CodeNotFound},
		{"DELETE", exchange.Request{Method: "DELETE", Path: "/sse"}, !demo, !stream, 405, exchange.CodeMethodNotAllowed},
		{"TRACE", exchange.Request{Method: "TRACE", Path: "/sse"}, !demo, !stream, 405, exchange.CodeMethodNotAllowed},
		{"CONNECT", exchange.Request{Method: "CONNECT"}, !demo, !stream, 405, exchange.CodeMethodNotAllowed},
		{"get", exchange.Request{Method: "get", Path: "/sse", RawQuery: "subscribe=a"}, !demo, !stream, 405, exchange.CodeMethodNotAllowed},
		{"GET with a body", exchange.Request{Method: "GET", Path: "/sse", RawQuery: "subscribe=a", HasBody: true}, !demo, !stream, 400, exchange.CodeBodyNotAllowed},
		{"HEAD with a body", exchange.Request{Method: "HEAD", Path: "/sse", RawQuery: "subscribe=a", HasBody: true}, !demo, !stream, 400, exchange.CodeBodyNotAllowed},
		{"OPTIONS with a body", exchange.Request{Method: "OPTIONS", Path: "/sse", HasBody: true}, !demo, !stream, 400, exchange.CodeBodyNotAllowed},
		{"another path", exchange.Request{Method: "GET", Path: "/sse2", RawQuery: "subscribe=a"}, !demo, !stream, 404, exchange.CodeNotFound},
		{"a slash behind the path", exchange.Request{Method: "GET", Path: "/sse/", RawQuery: "subscribe=a"}, !demo, !stream, 404, exchange.CodeNotFound},
		{"the path in capitals", exchange.Request{Method: "GET", Path: "/SSE", RawQuery: "subscribe=a"}, !demo, !stream, 404, exchange.CodeNotFound},
		{"dots are not resolved", exchange.Request{Method: "GET", Path: "/x/../sse", RawQuery: "subscribe=a"}, !demo, !stream, 404, exchange.CodeNotFound},
		{"no demo", exchange.Request{Method: "GET", Path: "/"}, !demo, !stream, 404, exchange.CodeNotFound},
		{"no script without the demo", exchange.Request{Method: "GET", Path: "/demo.js"}, !demo, !stream, 404, exchange.CodeNotFound},
		{"demo", exchange.Request{Method: "GET", Path: "/"}, demo, !stream, 200, ""},
		{"script of the demo", exchange.Request{Method: "GET", Path: "/demo.js"}, demo, !stream, 200, ""},
		{"HEAD of the demo", exchange.Request{Method: "HEAD", Path: "/"}, demo, !stream, 200, ""},
		{"OPTIONS of the demo", exchange.Request{Method: "OPTIONS", Path: "/"}, demo, !stream, 204, ""},
		{"POST to the demo", exchange.Request{Method: "POST", Path: "/"}, demo, !stream, 405, exchange.CodeMethodNotAllowed},
		{"elsewhere beside the demo", exchange.Request{Method: "GET", Path: "/favicon.ico"}, demo, !stream, 404, exchange.CodeNotFound},
		{"stream beside the demo", exchange.Request{Method: "GET", Path: "/sse", RawQuery: "subscribe=a"}, demo, stream, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sub, ans := Decide(&tt.req, &Rules{Path: "/sse", MaxRooms: 4, Demo: tt.demo}, Visitor{})
			if (sub != nil) != tt.stream || ans.Status != tt.status || ans.Code != tt.code {
				t.Errorf("got stream %t, %d %q; want stream %t, %d %q", sub != nil, ans.Status, ans.Code, tt.stream, tt.status, tt.code)
			}
			if (ans.Code == "") != (ans.Message == "") {
				t.Errorf("code %q with message %q", ans.Code, ans.Message)
			}
		})
	}
}

// A stream at / is a stream: the demo has to stand back.
func TestStreamsAtTheRoot(t *testing.T) {
	r := &Rules{Path: "/", MaxRooms: 4, Demo: true}
	if sub, ans := Decide(&exchange.Request{Method: "GET", Path: "/", RawQuery: "subscribe=a"}, r, Visitor{}); sub == nil {
		t.Errorf("got %+v, want a stream", ans)
	}
}

func TestHealthIsAnsweredBeforeAuthorization(t *testing.T) {
	policy := &auth.Policy{} // that lets nobody in
	for _, tt := range []struct {
		name       string
		req        exchange.Request
		healthPath string
		draining   bool
		status     int
		body       string
	}{
		{"well", exchange.Request{Method: "GET", Path: "/healthz"}, "/healthz", false, 200, "ok"},
		{"whatever the query", exchange.Request{Method: "GET", Path: "/healthz", RawQuery: "subscribe=a"}, "/healthz", false, 200, "ok"},
		{"HEAD", exchange.Request{Method: "HEAD", Path: "/healthz"}, "/healthz", false, 200, "ok"},
		{"HTTP/1.0", exchange.Request{Method: "GET", Path: "/healthz", HTTP10: true}, "/healthz", false, 200, "ok"},
		{"draining", exchange.Request{Method: "GET", Path: "/healthz"}, "/healthz", true, 503, "draining"},
		{"with a body", exchange.Request{Method: "GET", Path: "/healthz", HasBody: true}, "/healthz", false, 400, ""},
		{"POST", exchange.Request{Method: "POST", Path: "/healthz"}, "/healthz", false, 405, ""},
		{"preflight", exchange.Request{Method: "OPTIONS", Path: "/healthz"}, "/healthz", false, 204, ""},
		{"another path", exchange.Request{Method: "GET", Path: "/up"}, "/up", false, 200, "ok"},
		{"none", exchange.Request{Method: "GET", Path: "/healthz"}, "", false, 404, ""},
		{"below it", exchange.Request{Method: "GET", Path: "/healthz/x"}, "/healthz", false, 404, ""},
	} {
		r := &Rules{Path: "/sse", HealthPath: tt.healthPath, MaxRooms: 1, Auth: policy}
		sub, ans := Decide(&tt.req, r, Visitor{Draining: tt.draining})
		if sub != nil || ans.Stream || ans.Status != tt.status || string(ans.Body) != tt.body {
			t.Errorf("%s: %+v, want %d %q", tt.name, ans, tt.status, tt.body)
		}
	}
}

func TestAChallengeIsNotAnsweredOverTLS(t *testing.T) {
	r := &Rules{Path: "/sse", Challenge: func(string) (string, bool) { return "answer", true }}
	req := &exchange.Request{Method: "GET", Path: "/.well-known/acme-challenge/a"}
	if _, ans := Decide(req, r, Visitor{}); string(ans.Body) != "answer" {
		t.Errorf("without TLS: %+v", ans)
	}
	if _, ans := Decide(req, r, Visitor{Secure: true}); ans.Status != 404 {
		t.Errorf("over TLS: %+v", ans)
	}
}

func TestOnlyHostsOfTheCertificateAreServed(t *testing.T) {
	v := Visitor{ServerName: "a.example", Serves: func(serverName, host string) bool { return host == serverName }}
	for host, want := range map[string]exchange.Code{"a.example": "", "b.example": exchange.CodeMisdirected} {
		req := &exchange.Request{Method: "GET", Host: host, Path: "/sse", RawQuery: "subscribe=a"}
		if sub, ans := Decide(req, &Rules{Path: "/sse", MaxRooms: 1}, v); ans.Code != want || (sub == nil) != (want != "") {
			t.Errorf("%s: %+v, %+v", host, sub, ans)
		}
	}
}
