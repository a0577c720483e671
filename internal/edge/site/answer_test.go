package site

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/edge/http1"
)

const someDate = "Mon, 02 Jan 2006 15:04:05 GMT"

func TestStreamHead(t *testing.T) {
	r := &Rules{Path: "/sse", MaxRooms: 4, Origins: []string{"https://a"}, Credentials: true, HSTS: "max-age=60"}
	tests := []struct {
		name   string
		req    exchange.Request
		tls    bool
		reinit bool
		want   string
	}{
		{
			"HTTP/1.1",
			exchange.Request{Method: "GET"},
			false, false,
			"HTTP/1.1 200 OK\nContent-Type: text/event-stream\nCache-Control: no-cache, no-transform\nX-Accel-Buffering: no\n" +
				"Server: hassesd\nDate: " + someDate + "\nVary: Origin\nTransfer-Encoding: chunked\nConnection: close\n\n",
		},
		{
			"HTTP/1.1 that may ask again",
			exchange.Request{Method: "GET"},
			false, true,
			"HTTP/1.1 200 OK\nContent-Type: text/event-stream\nCache-Control: no-cache, no-transform\nX-Accel-Buffering: no\n" +
				"Server: hassesd\nDate: " + someDate + "\nVary: Origin\nTransfer-Encoding: chunked\n\n",
		},
		{
			"HTTP/1.0",
			exchange.Request{Method: "GET", HTTP10: true},
			false, false,
			"HTTP/1.0 200 OK\nContent-Type: text/event-stream\nCache-Control: no-cache, no-transform\nX-Accel-Buffering: no\n" +
				"Server: hassesd\nDate: " + someDate + "\nVary: Origin\nConnection: close\n\n",
		},
		{
			"TLS and an origin",
			exchange.Request{Method: "GET", Origin: "https://a"},
			true, false,
			"HTTP/1.1 200 OK\nContent-Type: text/event-stream\nCache-Control: no-cache, no-transform\nX-Accel-Buffering: no\n" +
				"Server: hassesd\nDate: " + someDate + "\nStrict-Transport-Security: max-age=60\nVary: Origin\n" +
				"Access-Control-Allow-Origin: https://a\nAccess-Control-Allow-Credentials: true\nTransfer-Encoding: chunked\nConnection: close\n\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.ReplaceAll(string(http1.AppendStreamHead(nil, tt.req.HTTP10, !tt.reinit, r.AppendStreamFields(nil, &tt.req, someDate, tt.tls))), "\r\n", "\n")
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// httpReply is a finite response as a client reads it. The length is what the head says, -1 for nothing.
type httpReply struct {
	proto, status string
	code          int
	header        http.Header
	length        int64
	body          string
}

// answered is the reply to a request that opens no stream.
func answered(t *testing.T, req *exchange.Request, r *Rules, tls bool) httpReply {
	t.Helper()
	sub, ans := Decide(req, r, Visitor{})
	if sub != nil {
		t.Fatalf("%+v opens a stream", req)
	}
	r.Complete(&ans, req, someDate, tls)
	return readReply(t, req.Method, http1.AppendAnswer(nil, req, &ans))
}

// readReply reads what must be one whole response, and the end of the connection.
func readReply(t *testing.T, method string, out []byte) httpReply {
	t.Helper()
	reader := bufio.NewReader(bytes.NewReader(out))
	response, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("read %q: %v", out, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("read the body of %q: %v", out, err)
	}
	if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
		t.Fatalf("behind the response: %q, %v", rest, err)
	}
	if !response.Close {
		t.Errorf("a finite answer keeps the connection: %q", out)
	}
	return httpReply{response.Proto, response.Status, response.StatusCode, response.Header, response.ContentLength, string(body)}
}

func (r httpReply) wantHeader(t *testing.T, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := r.header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}

func TestErrorAnswer(t *testing.T) {
	r := &Rules{Path: "/sse", MaxRooms: 4, Origins: []string{"https://a"}, HSTS: "max-age=60"}
	req := &exchange.Request{Method: "GET", Path: "/sse", RawQuery: `room=<"%0A%FF;`, Origin: "https://a"}

	got := answered(t, req, r, true)

	got.wantHeader(t, map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		"Server": "hassesd", "Date": someDate, "Strict-Transport-Security": "max-age=60",
		"Access-Control-Allow-Origin": "https://a", "Vary": "Origin", "Allow": "",
	})
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatalf("body %q: %v", got.body, err)
	}
	if got.code != 400 || body.Error.Code != "bad_room" {
		t.Errorf("got %d %q, want 400 bad_room", got.code, body.Error.Code)
	}
	if want := `the room "<\x22\x0A\xFF;" contains ';', which no room's name may have`; body.Error.Message != want {
		t.Errorf("message %s, want %s", body.Error.Message, want)
	}
	if !strings.HasPrefix(got.body, `{"error":{"code":"bad_room","message":"`) || !strings.HasSuffix(got.body, "}}\n") {
		t.Errorf("body %q", got.body)
	}
}

func TestAnswersByStatus(t *testing.T) {
	r := &Rules{Path: "/sse", MaxRooms: 1, Demo: true}
	tests := []struct {
		req           exchange.Request
		status, allow string
	}{
		{exchange.Request{Method: "GET", Path: "/sse"}, "400 Bad Request", ""},
		{exchange.Request{Method: "GET", Path: "/sse", RawQuery: "subscribe=*"}, "403 Forbidden", ""},
		{exchange.Request{Method: "GET", Path: "/x"}, "404 Not Found", ""},
		{exchange.Request{Method: "PUT", Path: "/sse"}, "405 Method Not Allowed", AllowedMethods},
		{exchange.Request{Method: "PUT", Path: "/sse", HTTP10: true}, "405 Method Not Allowed", AllowedMethods},
		{exchange.Request{Method: "PUT", Path: "/"}, "405 Method Not Allowed", AllowedMethods},
		{exchange.Request{Method: "OPTIONS", Path: "/sse"}, "204 No Content", AllowedMethods},
		{exchange.Request{Method: "OPTIONS", Path: "/"}, "204 No Content", AllowedMethods},
		{exchange.Request{Method: "OPTIONS", Path: "*"}, "204 No Content", AllowedMethods},
	}
	for _, tt := range tests {
		t.Run(tt.req.Method+" "+tt.req.Path, func(t *testing.T) {
			got := answered(t, &tt.req, r, false)
			if got.status != tt.status {
				t.Errorf("got %s, want %s", got.status, tt.status)
			}
			if (got.proto == "HTTP/1.0") != tt.req.HTTP10 {
				t.Errorf("answered in %s", got.proto)
			}
			if (got.body == "") != (got.code == 204) {
				t.Errorf("body %q", got.body)
			}
			got.wantHeader(t, map[string]string{"Allow": tt.allow, "Strict-Transport-Security": ""})
			if got.code == 204 {
				got.wantHeader(t, map[string]string{"Content-Length": ""}) // RFC 9110 section 8.6
			}
		})
	}
}

// What could not be read is answered all the same, behind what was to be sent before.
func TestAnswerWithoutRequest(t *testing.T) {
	tests := []struct {
		bad    *exchange.Answer
		status string
	}{
		{exchange.Malformed("no"), "400 Bad Request"},
		{exchange.Refuse(http.StatusRequestURITooLong, exchange.CodeURITooLong, "no"), "414 Request URI Too Long"},
		{exchange.Refuse(http.StatusRequestHeaderFieldsTooLarge, exchange.CodeHeadTooLarge, "no"), "431 Request Header Fields Too Large"},
		{exchange.Refuse(http.StatusHTTPVersionNotSupported, exchange.CodeVersionNotSupported, "no"), "505 HTTP Version Not Supported"},
	}
	for _, tt := range tests {
		t.Run(tt.status, func(t *testing.T) {
			(&Rules{Origins: []string{"https://a"}}).Complete(tt.bad, nil, someDate, true)
			out := http1.AppendAnswer([]byte("before "), nil, tt.bad)
			out, ok := bytes.CutPrefix(out, []byte("before "))
			if !ok {
				t.Fatalf("what was before is gone: %q", out)
			}
			got := readReply(t, http.MethodGet, out)
			if got.status != tt.status || got.proto != "HTTP/1.1" || !strings.Contains(got.body, string(tt.bad.Code)) {
				t.Errorf("got %s %s %s, want HTTP/1.1 %s with %s", got.proto, got.status, got.body, tt.status, tt.bad.Code)
			}
		})
	}
}

func TestHEAD(t *testing.T) {
	r := &Rules{Path: "/sse", MaxRooms: 4, Demo: true}

	t.Run("of a stream", func(t *testing.T) {
		got := answered(t, &exchange.Request{Method: "HEAD", Path: "/sse", RawQuery: "subscribe=a"}, r, false)
		if got.code != 200 || got.body != "" {
			t.Errorf("got %d, body %q", got.code, got.body)
		}
		got.wantHeader(t, map[string]string{
			"Content-Type": "text/event-stream", "Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no",
			"X-Content-Type-Options": "", // GET does not say it
		})
	})
	// Everything else: the head of GET's answer, length and all, and nothing behind it.
	for _, target := range []exchange.Request{{Path: "/sse"}, {Path: "/x"}, {Path: "/"}, {Path: "/demo.js"}} {
		t.Run("of "+target.Path, func(t *testing.T) {
			get, head := target, target
			get.Method, head.Method = "GET", "HEAD"
			want := answered(t, &get, r, false)
			got := answered(t, &head, r, false)
			if got.code != want.code || got.length != int64(len(want.body)) || got.body != "" {
				t.Errorf("got %d, length %d, body %q; want %d, %d", got.code, got.length, got.body, want.code, len(want.body))
			}
		})
	}
}

func TestPreflightAnswer(t *testing.T) {
	r := &Rules{Path: "/sse", Origins: []string{"https://a"}, Credentials: true}
	req := &exchange.Request{Method: "OPTIONS", Path: "/sse", Origin: "https://a", WantMethod: "GET", WantHeaders: "last-event-id"}

	answered(t, req, r, false).wantHeader(t, map[string]string{
		"Allow": "GET, HEAD, OPTIONS", "Access-Control-Allow-Origin": "https://a", "Access-Control-Allow-Credentials": "true",
		"Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Access-Control-Allow-Headers": "Last-Event-ID",
		"Access-Control-Max-Age": "7200", "Vary": "Origin",
	})
}

// Appending leaves what was there, and does not allocate while there is room.
func TestAppendStreamHeadAppends(t *testing.T) {
	r := &Rules{Origins: []string{"https://a"}, Credentials: true, HSTS: "max-age=60"}
	req := &exchange.Request{Method: "GET", Origin: "https://a"}
	buf, fields := make([]byte, 0, 1024), make([]exchange.Field, 0, 16)
	allocs := testing.AllocsPerRun(100, func() {
		fields = r.AppendStreamFields(fields[:0], req, someDate, true)
		buf = http1.AppendStreamHead(append(buf[:0], "before "...), req.HTTP10, true, fields)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
	if !bytes.HasPrefix(buf, []byte("before HTTP/1.1 200 OK\r\n")) || !bytes.HasSuffix(buf, []byte("\r\n\r\n")) {
		t.Errorf("got %q", buf)
	}
}
