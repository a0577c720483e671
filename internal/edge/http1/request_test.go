package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/edge/exchange"
	"github.com/hassesd/hassesd/internal/edge/exchange/exchangetest"
	"github.com/hassesd/hassesd/internal/edge/http1/http1test"
	"github.com/hassesd/hassesd/internal/edge/site"
)

func TestParseRequest(t *testing.T) {
	tests := []struct {
		name, head string
		want       exchange.Request
	}{
		{
			"a browser",
			"GET /sse?subscribe=a-b&id=x HTTP/1.1\r\nHost: example.org\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0\r\n" +
				"Accept: text/event-stream\r\nCache-Control: no-cache\r\nOrigin: https://www.example.org\r\nLast-Event-ID: e1-5\r\n\r\n",
			exchange.Request{
				Method: "GET", Host: "example.org", Path: "/sse", RawQuery: "subscribe=a-b&id=x", Origin: "https://www.example.org",
				Agent: "Mozilla/5.0", LastEventID: "e1-5",
			},
		},
		{"nothing but Host", "GET /sse HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse"}},
		{"empty Host", "GET /sse HTTP/1.1\r\nHost:\r\n\r\n", exchange.Request{Method: "GET", Path: "/sse"}},
		{"IPv6 Host", "GET /sse HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", exchange.Request{Method: "GET", Host: "[::1]:8443", Path: "/sse"}},
		{"HTTP/1.0", "GET /sse HTTP/1.0\r\n\r\n", exchange.Request{Method: "GET", HTTP10: true, Path: "/sse"}},
		{"HTTP/1.0 with Host", "GET /sse HTTP/1.0\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "a", HTTP10: true, Path: "/sse"}},
		{"bare line feeds", "GET /sse HTTP/1.1\nHost: a\nOrigin: https://a\n\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse", Origin: "https://a"}},
		{"another spelling of names", "GET /sse HTTP/1.1\r\nhOST: a\r\nlAST-eVENT-iD: x\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse", LastEventID: "x"}},
		{"blanks around a value", "GET /sse HTTP/1.1\r\nHost: \t a \t \r\nOrigin:https://a\t\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse", Origin: "https://a"}},
		{"Connection: close", "GET /sse HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse"}},
		{"Expect and Upgrade are ignored", "GET /sse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse"}},
		{"URL as target", "GET http://b.example:81/sse?room=a HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "b.example:81", Path: "/sse", RawQuery: "room=a"}},
		{"URL in capitals", "GET HTTPS://b/sse HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "b", Path: "/sse"}},
		{"URL without a path", "GET http://b?x=y HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "b", Path: "/", RawQuery: "x=y"}},
		{"escapes in the path", "GET /%73s%65 HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse"}},
		{"two slashes are a path", "GET //evil.example/sse HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "//evil.example/sse"}},
		{"escapes in the query stay", "GET /sse?subscribe=a%2Db HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse", RawQuery: "subscribe=a%2Db"}},
		{"raw UTF-8 in the query", "GET /sse?room=für HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse", RawQuery: "room=für"}},
		{"question marks in the query", "GET /sse?a=?&b=/? HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse", RawQuery: "a=?&b=/?"}},
		{"empty query", "GET /sse? HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse"}},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "OPTIONS", Host: "a", Path: "*"}},
		{"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "CONNECT", Host: "a:443"}},
		{"a method of its own", "get /sse HTTP/1.1\r\nHost: a\r\n\r\n", exchange.Request{Method: "get", Host: "a", Path: "/sse"}},
		{"length 0", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse"}},
		{"length 5", "GET /sse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse", HasBody: true, ContentLength: 5}},
		{"chunked", "POST /sse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", exchange.Request{Method: "POST", Host: "a", Path: "/sse", HasBody: true, ContentLength: -1}},
		{"UTF-8 in Last-Event-ID", "GET /sse HTTP/1.1\r\nHost: a\r\nLast-Event-ID: é-5\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse", LastEventID: "é-5"}},
		{"empty Last-Event-ID", "GET /sse HTTP/1.1\r\nHost: a\r\nLast-Event-ID: \r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse"}},
		{"two Last-Event-IDs", "GET /sse HTTP/1.1\r\nHost: a\r\nLast-Event-ID: e-1\r\nLast-Event-ID: e-2\r\n\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse", LastEventID: "e-1, e-2"}},
		{
			"a preflight",
			"OPTIONS /sse HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: last-event-id,x-y\r\n\r\n",
			exchange.Request{Method: "OPTIONS", Host: "a", Path: "/sse", Origin: "https://a", WantMethod: "GET", WantHeaders: "last-event-id,x-y"},
		},
		{"64 fields", "GET /sse HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: b\r\n", 63) + "\r\n", exchange.Request{Method: "GET", Host: "a", Path: "/sse"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, bad := ParseRequest([]byte(tt.head))
			if bad != nil {
				t.Fatalf("refused: %+v", bad)
			}
			got.KeepAlive = false // see TestWhatFollowsARequest
			if !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", *got, tt.want)
			}
		})
	}
}

func TestWhatFollowsARequest(t *testing.T) {
	for _, tt := range []struct {
		name, head          string
		keepAlive, isWaited bool
	}{
		{"HTTP/1.1", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", true, false},
		{"close", "POST / HTTP/1.1\r\nHost: a\r\nconnection: x, Close\r\n\r\n", false, false},
		{"HTTP/1.0", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", false, false},
		{"a body that is to be asked for", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n", true, true},
		{"no body to be asked for", "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", true, false},
	} {
		got, bad := ParseRequest([]byte(tt.head))
		if bad != nil {
			t.Fatalf("%s: %+v", tt.name, bad)
		}
		if got.KeepAlive != tt.keepAlive || got.Continue != tt.isWaited {
			t.Errorf("%s: keep-alive %t, waits for 100 %t", tt.name, got.KeepAlive, got.Continue)
		}
	}
	if _, bad := ParseRequest([]byte("POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n")); bad == nil || bad.Status != 417 {
		t.Errorf("another expectation: %+v", bad)
	}
}

// What ParseRequest keeps must survive the buffer that the head was read into.
func TestParseRequestDoesNotKeepTheHead(t *testing.T) {
	head := []byte("GET /sse?subscribe=room HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nUser-Agent: x\r\nLast-Event-ID: e-1\r\n\r\n")
	req, bad := ParseRequest(head)
	if bad != nil {
		t.Fatalf("refused: %+v", bad)
	}
	for i := range head {
		head[i] = '!'
	}
	want := exchange.Request{KeepAlive: true, Method: "GET", Host: "a", Path: "/sse", RawQuery: "subscribe=room", Origin: "https://a", Agent: "x", LastEventID: "e-1"}
	if !reflect.DeepEqual(*req, want) {
		t.Errorf("got %+v, want %+v", *req, want)
	}
}

func TestRequestsAreReadWithTheirCredentials(t *testing.T) {
	req, bad := ParseRequest([]byte("GET /sse?a=b HTTP/1.1\r\nHost: h\r\ncookie: a=1\r\nCookie: b=2\r\nauthorization: Bearer x\r\nsec-fetch-site: cross-site\r\n\r\n"))
	if bad != nil || req.Cookie != "a=1; b=2" || req.Authorization != "Bearer x" || req.FetchSite != "cross-site" {
		t.Errorf("%+v, %+v", req, bad)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte("GET /sse?subscribe=a-b&id=x HTTP/1.1\r\nHost: a\r\nOrigin: https://www.example.org\r\n\r\n"))
	f.Add([]byte("OPTIONS /sse HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nAccess-Control-Request-Headers: last-event-id\r\n\r\n"))
	f.Add([]byte("HEAD http://a/sse?room=a HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\n\n"))
	for _, bad := range http1test.BadHeads {
		f.Add([]byte(bad.Head))
	}
	r := &site.Rules{
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
		req, bad := ParseRequest(input[:end])
		if (req == nil) == (bad == nil) {
			t.Fatalf("ParseRequest: %+v and %+v", req, bad)
		}
		var out []byte
		if bad != nil {
			r.Complete(bad, nil, "now", true)
			out = AppendAnswer(nil, nil, bad)
		} else {
			if err != nil {
				t.Fatalf("accepted what net/http refuses: %v", err)
			}
			if req.Method != oracle.Method || req.RawQuery != oracle.URL.RawQuery || req.Origin != oracle.Header.Get("Origin") {
				t.Fatalf("got %+v, net/http has %+v", req, oracle)
			}
			sub, ans := site.Decide(req, r, site.Visitor{})
			if sub != nil {
				out = AppendStreamHead(nil, req.HTTP10, true, r.AppendStreamFields(nil, req, "now", true))
			} else {
				r.Complete(&ans, req, "now", true)
				out = AppendAnswer(nil, req, &ans)
			}
		}
		exchangetest.CheckResponse(t, out, req)
	})
}

// readWithNetHTTP reads a request as net/http does and says how long its head was.
func readWithNetHTTP(input []byte) (*http.Request, int, error) {
	reader := bufio.NewReaderSize(bytes.NewReader(input), max(len(input), 16))
	req, err := http.ReadRequest(reader)
	return req, len(input) - reader.Buffered(), err
}

// BenchmarkRequest is all the HTTP of opening a stream: a browser's head read, decided on and answered.
func BenchmarkRequest(b *testing.B) {
	head := []byte("GET /sse?subscribe=room1-room2-room3&id=client42 HTTP/1.1\r\nHost: events.example.org\r\nConnection: keep-alive\r\n" +
		"sec-ch-ua-platform: \"Linux\"\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n" +
		"Accept: text/event-stream\r\nsec-ch-ua: \"Chromium\";v=\"140\"\r\nCache-Control: no-cache\r\nOrigin: https://www.example.org\r\n" +
		"Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nReferer: https://www.example.org/\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\nLast-Event-ID: k3j2h1-123456\r\n\r\n")
	r := &site.Rules{Path: "/sse", MaxRooms: 64, Origins: []string{"https://www.example.org"}, Credentials: true, HSTS: "max-age=31536000"}
	out := make([]byte, 0, 1024)
	var fields []exchange.Field
	b.ReportAllocs()
	for b.Loop() {
		if headEnd(head, 0) != len(head) {
			b.Fatal("the head does not end where it does")
		}
		req, bad := ParseRequest(head)
		if bad != nil {
			b.Fatal(bad.Message)
		}
		sub, ans := site.Decide(req, r, site.Visitor{})
		if sub == nil {
			b.Fatal(ans.Message)
		}
		fields = r.AppendStreamFields(fields[:0], req, "Mon, 02 Jan 2006 15:04:05 GMT", true)
		out = AppendStreamHead(out[:0], req.HTTP10, true, fields)
	}
}
