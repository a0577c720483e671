package edge

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestParseRequest(t *testing.T) {
	tests := []struct {
		name, head string
		want       request
	}{
		{
			"a browser",
			"GET /sse?subscribe=a-b&id=x HTTP/1.1\r\nHost: example.org\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0\r\n" +
				"Accept: text/event-stream\r\nCache-Control: no-cache\r\nOrigin: https://www.example.org\r\nLast-Event-ID: e1-5\r\n\r\n",
			request{
				Method: "GET", Host: "example.org", Path: "/sse", RawQuery: "subscribe=a-b&id=x", Origin: "https://www.example.org",
				Agent: "Mozilla/5.0", LastEventID: "e1-5",
			},
		},
		{"nothing but Host", "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse"}},
		{"empty Host", "GET /sse HTTP/1.1\r\nHost:\r\n\r\n", request{Method: "GET", Path: "/sse"}},
		{"IPv6 Host", "GET /sse HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", request{Method: "GET", Host: "[::1]:8443", Path: "/sse"}},
		{"HTTP/1.0", "GET /sse HTTP/1.0\r\n\r\n", request{Method: "GET", HTTP10: true, Path: "/sse"}},
		{"HTTP/1.0 with Host", "GET /sse HTTP/1.0\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "a", HTTP10: true, Path: "/sse"}},
		{"bare line feeds", "GET /sse HTTP/1.1\nHost: a\nOrigin: https://a\n\n", request{Method: "GET", Host: "a", Path: "/sse", Origin: "https://a"}},
		{"another spelling of names", "GET /sse HTTP/1.1\r\nhOST: a\r\nlAST-eVENT-iD: x\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse", LastEventID: "x"}},
		{"blanks around a value", "GET /sse HTTP/1.1\r\nHost: \t a \t \r\nOrigin:https://a\t\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse", Origin: "https://a"}},
		{"Connection: close", "GET /sse HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse"}},
		{"Expect and Upgrade are ignored", "GET /sse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse"}},
		{"URL as target", "GET http://b.example:81/sse?room=a HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "b.example:81", Path: "/sse", RawQuery: "room=a"}},
		{"URL in capitals", "GET HTTPS://b/sse HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "b", Path: "/sse"}},
		{"URL without a path", "GET http://b?x=y HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "b", Path: "/", RawQuery: "x=y"}},
		{"escapes in the path", "GET /%73s%65 HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse"}},
		{"two slashes are a path", "GET //evil.example/sse HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "a", Path: "//evil.example/sse"}},
		{"escapes in the query stay", "GET /sse?subscribe=a%2Db HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse", RawQuery: "subscribe=a%2Db"}},
		{"raw UTF-8 in the query", "GET /sse?room=für HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse", RawQuery: "room=für"}},
		{"question marks in the query", "GET /sse?a=?&b=/? HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse", RawQuery: "a=?&b=/?"}},
		{"empty query", "GET /sse? HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse"}},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "OPTIONS", Host: "a", Path: "*"}},
		{"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "CONNECT", Host: "a:443"}},
		{"a method of its own", "get /sse HTTP/1.1\r\nHost: a\r\n\r\n", request{Method: "get", Host: "a", Path: "/sse"}},
		{"length 0", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse"}},
		{"length 5", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse", hasBody: true}},
		{"chunked", "POST /sse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", request{Method: "POST", Host: "a", Path: "/sse", hasBody: true}},
		{"UTF-8 in Last-Event-ID", "GET /sse HTTP/1.1\r\nHost: a\r\nLast-Event-ID: é-5\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse", LastEventID: "é-5"}},
		{"empty Last-Event-ID", "GET /sse HTTP/1.1\r\nHost: a\r\nLast-Event-ID: \r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse"}},
		{"two Last-Event-IDs", "GET /sse HTTP/1.1\r\nHost: a\r\nLast-Event-ID: e-1\r\nLast-Event-ID: e-2\r\n\r\n", request{Method: "GET", Host: "a", Path: "/sse", LastEventID: "e-1, e-2"}},
		{
			"a preflight",
			"OPTIONS /sse HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: last-event-id,x-y\r\n\r\n",
			request{Method: "OPTIONS", Host: "a", Path: "/sse", Origin: "https://a", wantMethod: "GET", wantHeaders: "last-event-id,x-y"},
		},
		{"64 fields", "GET /sse HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: b\r\n", 63) + "\r\n", request{Method: "GET", Host: "a", Path: "/sse"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, bad := parseRequest([]byte(tt.head))
			if bad != nil {
				t.Fatalf("refused: %+v", bad)
			}
			if *got != tt.want {
				t.Errorf("got  %+v\nwant %+v", *got, tt.want)
			}
		})
	}
}

// What parseRequest keeps must survive the buffer that the head was read into.
func TestParseRequestDoesNotKeepTheHead(t *testing.T) {
	head := []byte("GET /sse?subscribe=room HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nUser-Agent: x\r\nLast-Event-ID: e-1\r\n\r\n")
	req, bad := parseRequest(head)
	if bad != nil {
		t.Fatalf("refused: %+v", bad)
	}
	for i := range head {
		head[i] = '!'
	}
	want := request{Method: "GET", Host: "a", Path: "/sse", RawQuery: "subscribe=room", Origin: "https://a", Agent: "x", LastEventID: "e-1"}
	if *req != want {
		t.Errorf("got %+v, want %+v", *req, want)
	}
}

func TestCutAgent(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"curl/8.5.0":                   "curl/8.5.0",
		"caf\xe9":                      "caf\uFFFD",
		strings.Repeat("x", 127) + "é": strings.Repeat("x", 127) + "\uFFFD",
		strings.Repeat("x", 999):       strings.Repeat("x", maxAgent),
	} {
		if got := cutAgent(in); got != want {
			t.Errorf("cutAgent(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte("GET /sse?subscribe=a-b&id=x HTTP/1.1\r\nHost: a\r\nOrigin: https://www.example.org\r\n\r\n"))
	f.Add([]byte("OPTIONS /sse HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nAccess-Control-Request-Headers: last-event-id\r\n\r\n"))
	f.Add([]byte("HEAD http://a/sse?room=a HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\n\n"))
	for _, bad := range badHeads {
		f.Add([]byte(bad.head))
	}
	r := &rules{
		Path: "/sse", MaxRooms: 4, Demo: true, HSTS: "max-age=1",
		Origins: []string{"https://www.example.org", "https://a"}, Credentials: true,
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		end := headEnd(input, 0)
		if drops := headEndInDrops(input); drops != end {
			t.Fatalf("headEnd: %d at once, %d one byte at a time", end, drops)
		}
		oracle, consumed, err := readWithNetHTTP(input)
		if err == nil && consumed != end {
			t.Fatalf("headEnd: %d, net/http reads %d bytes", end, consumed)
		}
		if end < 0 {
			return
		}
		req, bad := parseRequest(input[:end])
		if (req == nil) == (bad == nil) {
			t.Fatalf("parseRequest: %+v and %+v", req, bad)
		}
		var out []byte
		if bad != nil {
			out = appendAnswer(nil, nil, *bad, r, "now", true)
		} else {
			if err != nil {
				t.Fatalf("accepted what net/http refuses: %v", err)
			}
			if req.Method != oracle.Method || req.RawQuery != oracle.URL.RawQuery || req.Origin != oracle.Header.Get("Origin") {
				t.Fatalf("got %+v, net/http has %+v", req, oracle)
			}
			sub, ans := decide(req, r, visitor{})
			if sub != nil {
				out = appendStreamHead(nil, req, r, "now", true, true)
			} else {
				out = appendAnswer(nil, req, ans, r, "now", true)
			}
		}
		checkResponse(t, out, req)
	})
}

// readWithNetHTTP reads a request as net/http does and says how long its head was.
func readWithNetHTTP(input []byte) (*http.Request, int, error) {
	reader := bufio.NewReaderSize(bytes.NewReader(input), max(len(input), 16))
	req, err := http.ReadRequest(reader)
	return req, len(input) - reader.Buffered(), err
}

// checkResponse fails unless out is one response, whatever the request put into it.
func checkResponse(t *testing.T, out []byte, req *request) {
	t.Helper()
	method := http.MethodGet
	if req != nil && req.Method == http.MethodHead {
		method = http.MethodHead
	}
	reader := bufio.NewReaderSize(bytes.NewReader(out), max(len(out), 16))
	response, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("not a response: %v\n%q", err, out)
	}
	defer response.Body.Close()
	if response.Header.Get("Server") != "hassesd" || response.Header.Get("Date") != "now" {
		t.Fatalf("the head is not whole: %q", out)
	}
	for name := range response.Header {
		if !knownFields[name] {
			t.Fatalf("unexpected field %s in %q", name, out)
		}
	}
	if origin := response.Header.Get("Access-Control-Allow-Origin"); origin != "" && !knownOrigins[strings.ToLower(origin)] {
		t.Fatalf("origin %q was let in", origin)
	}
	if response.ContentLength < 0 {
		return // the beginning of a stream
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatalf("body: %v", err)
	}
	if rest := reader.Buffered(); rest > 0 {
		t.Fatalf("%d bytes behind the response %q", rest, out)
	}
}

var knownOrigins = map[string]bool{"https://www.example.org": true, "https://a": true}

var knownFields = map[string]bool{
	"Access-Control-Allow-Credentials": true, "Access-Control-Allow-Headers": true, "Access-Control-Allow-Methods": true,
	"Access-Control-Allow-Origin": true, "Access-Control-Max-Age": true, "Allow": true, "Cache-Control": true,
	"Connection": true, "Content-Length": true, "Content-Security-Policy": true, "Content-Type": true, "Date": true,
	"Referrer-Policy": true, "Server": true, "Strict-Transport-Security": true, "Vary": true, "X-Accel-Buffering": true,
	"X-Content-Type-Options": true,
}

// BenchmarkRequest is all the HTTP of opening a stream: a browser's head read, decided on and answered.
func BenchmarkRequest(b *testing.B) {
	head := []byte("GET /sse?subscribe=room1-room2-room3&id=client42 HTTP/1.1\r\nHost: events.example.org\r\nConnection: keep-alive\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
		"Accept: text/event-stream\r\nsec-ch-ua: \"Chromium\";v=\"140\"\r\nCache-Control: no-cache\r\nOrigin: https://www.example.org\r\n" +
		"Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nReferer: https://www.example.org/\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\nLast-Event-ID: k3j2h1-123456\r\n\r\n")
	r := &rules{Path: "/sse", MaxRooms: 64, Origins: []string{"https://www.example.org"}, Credentials: true, HSTS: "max-age=31536000"}
	out := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if headEnd(head, 0) != len(head) {
			b.Fatal("the head does not end where it does")
		}
		req, bad := parseRequest(head)
		if bad != nil {
			b.Fatal(bad.Message)
		}
		sub, ans := decide(req, r, visitor{})
		if sub == nil {
			b.Fatal(ans.Message)
		}
		out = appendStreamHead(out[:0], req, r, "Mon, 02 Jan 2006 15:04:05 GMT", true, true)
	}
}

// Empty lines before a request are skipped (RFC 9112 section 2.2), however they come, and nothing is kept in memory that the
// next connection reads into.
func TestEmptyLinesBeforeARequestInPieces(t *testing.T) {
	for _, pieces := range [][]string{
		{"\r\n\r\nGET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"\r", "\n", "GET /sse?subs", "cribe=a HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"\r", "\n", "\r\nGET /sse?subscribe=a HTTP/1.1\r\nHost: h\r\nX: x", "\r\n\r\n"},
		{"\r\n", "\r", "\nG", "ET /sse?subscribe=a HTTP/1.1\r\nHost: h", "\r\n", "\r\n"},
	} {
		w := newWorld(t, nil)
		c := w.connect()
		for i, piece := range pieces {
			c.Send([]byte(piece))
			w.turn()
			if i < len(pieces)-1 {
				w.subscribe("subscribe=somebody-elses-room&id=who-asks-on-the-same-loop")
			}
		}
		c.want(`HTTP/1.1 200 OK\r\n`)
		if n := w.srv.workers[0].shard.RoomCount("a"); n != 1 {
			t.Errorf("%q: %d streams are in the room that was asked for", pieces, n)
		}
	}
}
