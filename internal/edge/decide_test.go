package edge

import (
	"testing"
)

func TestDecide(t *testing.T) {
	const stream, demo = true, true
	tests := []struct {
		name   string
		req    request
		demo   bool
		stream bool
		status int
		code   answerCode
	}{
		{"GET", request{Method: "GET", Path: "/sse", RawQuery: "subscribe=a"}, !demo, stream, 0, ""},
		{"HEAD", request{Method: "HEAD", Path: "/sse", RawQuery: "subscribe=a"}, !demo, !stream, 200, ""},
		{"HEAD without rooms", request{Method: "HEAD", Path: "/sse"}, !demo, !stream, 400, codeMissingRooms},
		{"OPTIONS", request{Method: "OPTIONS", Path: "/sse"}, !demo, !stream, 204, ""},
		{"OPTIONS *", request{Method: "OPTIONS", Path: "*"}, !demo, !stream, 204, ""},
		{"OPTIONS elsewhere", request{Method: "OPTIONS", Path: "/x"}, !demo, !stream, 404, codeNotFound},
		{"POST", request{Method: "POST", Path: "/sse", RawQuery: "subscribe=a"}, !demo, !stream, 405, codeMethodNotAllowed},
		{"POST with a body", request{Method: "POST", Path: "/sse", hasBody: true}, !demo, !stream, 405, codeMethodNotAllowed},
		{"POST elsewhere", request{Method: "POST", Path: "/x", hasBody: true}, !demo, !stream, 404, codeNotFound},
		{"DELETE", request{Method: "DELETE", Path: "/sse"}, !demo, !stream, 405, codeMethodNotAllowed},
		{"TRACE", request{Method: "TRACE", Path: "/sse"}, !demo, !stream, 405, codeMethodNotAllowed},
		{"CONNECT", request{Method: "CONNECT"}, !demo, !stream, 405, codeMethodNotAllowed},
		{"get", request{Method: "get", Path: "/sse", RawQuery: "subscribe=a"}, !demo, !stream, 405, codeMethodNotAllowed},
		{"GET with a body", request{Method: "GET", Path: "/sse", RawQuery: "subscribe=a", hasBody: true}, !demo, !stream, 400, codeBodyNotAllowed},
		{"HEAD with a body", request{Method: "HEAD", Path: "/sse", RawQuery: "subscribe=a", hasBody: true}, !demo, !stream, 400, codeBodyNotAllowed},
		{"OPTIONS with a body", request{Method: "OPTIONS", Path: "/sse", hasBody: true}, !demo, !stream, 400, codeBodyNotAllowed},
		{"another path", request{Method: "GET", Path: "/sse2", RawQuery: "subscribe=a"}, !demo, !stream, 404, codeNotFound},
		{"a slash behind the path", request{Method: "GET", Path: "/sse/", RawQuery: "subscribe=a"}, !demo, !stream, 404, codeNotFound},
		{"the path in capitals", request{Method: "GET", Path: "/SSE", RawQuery: "subscribe=a"}, !demo, !stream, 404, codeNotFound},
		{"dots are not resolved", request{Method: "GET", Path: "/x/../sse", RawQuery: "subscribe=a"}, !demo, !stream, 404, codeNotFound},
		{"no demo", request{Method: "GET", Path: "/"}, !demo, !stream, 404, codeNotFound},
		{"no script without the demo", request{Method: "GET", Path: "/demo.js"}, !demo, !stream, 404, codeNotFound},
		{"demo", request{Method: "GET", Path: "/"}, demo, !stream, 200, ""},
		{"script of the demo", request{Method: "GET", Path: "/demo.js"}, demo, !stream, 200, ""},
		{"HEAD of the demo", request{Method: "HEAD", Path: "/"}, demo, !stream, 200, ""},
		{"OPTIONS of the demo", request{Method: "OPTIONS", Path: "/"}, demo, !stream, 204, ""},
		{"POST to the demo", request{Method: "POST", Path: "/"}, demo, !stream, 405, codeMethodNotAllowed},
		{"elsewhere beside the demo", request{Method: "GET", Path: "/favicon.ico"}, demo, !stream, 404, codeNotFound},
		{"stream beside the demo", request{Method: "GET", Path: "/sse", RawQuery: "subscribe=a"}, demo, stream, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sub, ans := decide(&tt.req, &rules{Path: "/sse", MaxRooms: 4, Demo: tt.demo}, visitor{})
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
	r := &rules{Path: "/", MaxRooms: 4, Demo: true}
	if sub, ans := decide(&request{Method: "GET", Path: "/", RawQuery: "subscribe=a"}, r, visitor{}); sub == nil {
		t.Errorf("got %+v, want a stream", ans)
	}
}
