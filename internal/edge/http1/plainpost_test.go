package http1

import (
	"reflect"
	"testing"
)

// checkPlainPost checks that a head that parsePlainPost reads means the same to net/http.
func checkPlainPost(t *testing.T, head []byte) (isPlain bool) {
	t.Helper()
	if checkHead(head) != nil {
		return false
	}
	got := parsePlainPost(head)
	if got == nil {
		return false
	}
	want, bad := parseWithNetHTTP(head)
	if bad != nil {
		t.Fatalf("%q is plain, and net/http refuses it: %s", head, bad.Message)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q\ngot  %+v\nwant %+v", head, got, want)
	}
	return true
}

func TestPlainPosts(t *testing.T) {
	t.Parallel()
	const fields = "Host: push.example.org:8443\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n"
	for text, want := range map[string]bool{
		"POST /sse?to=a HTTP/1.1\r\n" + fields + "Authorization: Bearer key\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\n": true,
		"POST /sse HTTP/1.1\nhost:a\ncontent-length:\t7 \nIDEMPOTENCY-KEY: k\n\n":                                                      true,
		"POST /a/b.c_d-e?to=%C3%A9&x=y?z;= HTTP/1.1\r\n" + fields + "Content-Type:\r\nContent-Length: 999999999\r\n\r\n":               true,
		"POST / HTTP/1.1\r\n" + fields + "\r\n":                                                                                       true,
		"GET /sse?to=a HTTP/1.1\r\n" + fields + "\r\n":                                                                                false,
		"POST /sse HTTP/1.0\r\n" + fields + "Content-Length: 1\r\n\r\n":                                                               false,
		"POST http://a/sse HTTP/1.1\r\n" + fields + "Content-Length: 1\r\n\r\n":                                                       false,
		"POST //a/sse HTTP/1.1\r\n" + fields + "Content-Length: 1\r\n\r\n":                                                            false,
		"POST /%73se HTTP/1.1\r\n" + fields + "Content-Length: 1\r\n\r\n":                                                             false,
		"POST /sse? HTTP/1.1\r\n" + fields + "Content-Length: 1\r\n\r\n":                                                              false,
		"POST * HTTP/1.1\r\n" + fields + "Content-Length: 1\r\n\r\n":                                                                  false,
		"POST /sse HTTP/1.1\r\n" + fields + "Content-Length: 0\r\n\r\n":                                                               false,
		"POST /sse HTTP/1.1\r\n" + fields + "Content-Length: +1\r\n\r\n":                                                              false,
		"POST /sse HTTP/1.1\r\n" + fields + "Content-Length: 1000000000\r\n\r\n":                                                      false,
		"POST /sse HTTP/1.1\r\n" + fields + "Transfer-Encoding: chunked\r\n\r\n":                                                      false,
		"POST /sse HTTP/1.1\r\n" + fields + "Connection: close\r\nContent-Length: 1\r\n\r\n":                                          false,
		"POST /sse HTTP/1.1\r\n" + fields + "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n":                                       false,
		"POST /sse HTTP/1.1\r\n" + fields + "Trailer: Content-Length\r\n\r\n":                                                         false,
		"POST /sse HTTP/1.1\r\n" + fields + "Origin: https://a\r\nContent-Length: 1\r\n\r\n":                                          false,
		"POST /sse HTTP/1.1\r\n" + fields + "X-Forwarded-For: 192.0.2.1\r\nContent-Length: 1\r\n\r\n":                                 false,
		"POST /sse HTTP/1.1\r\n" + fields + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n":                              false,
		"POST /sse HTTP/1.1\r\n" + fields + "Content-Type: text/plain\r\nContent-Type: application/json\r\nContent-Length: 1\r\n\r\n": false,
	} {
		if got := checkPlainPost(t, []byte(text)); got != want {
			t.Errorf("%q is plain: %t", text, got)
		}
	}
}

// Neither the buffer nor the rest of the head stays in memory with what a message keeps.
func TestAPlainPostDoesNotKeepTheHead(t *testing.T) {
	head := []byte("POST /sse?to=a HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n")
	req := parsePlainPost(head)
	clear(head)
	if req.Host != "a" || req.Path != "/sse" || req.RawQuery != "to=a" || req.ContentType[0] != "text/plain" {
		t.Errorf("got %+v", req)
	}
	if n := testing.AllocsPerRun(100, func() { parsePlainPost([]byte("POST /sse?to=a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")) }); n > 4 {
		t.Errorf("it takes %.0f objects", n)
	}
}

func FuzzPlainPost(f *testing.F) {
	for _, seed := range []string{
		"POST /sse?to=a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer k\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n",
		"POST /sse HTTP/1.1\nhost:a:80\ncontent-length:\t7 \nuser-agent: x y\nIdempotency-Key: \"k\"\n\n",
		"POST /a/b.c?x=%zz HTTP/1.1\r\nHost: [::1]:80\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n",
		"POST /../. HTTP/1.1\r\nHost: \r\nContent-Length: 05\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if end := headEnd(input, 0); end >= 0 {
			checkPlainPost(t, input[:end])
		}
	})
}

func BenchmarkPlainPost(b *testing.B) {
	head := []byte("POST /sse?to=room624 HTTP/1.1\r\nHost: push.example.org\r\nUser-Agent: shop/1.0\r\nAuthorization: Bearer 0123456789abcdef0123456789abcdef\r\n" +
		"Content-Type: application/json\r\nContent-Length: 100\r\nAccept-Encoding: gzip\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if req, bad := ParseRequest(head); bad != nil || req.ContentLength != 100 {
			b.Fatal(bad)
		}
	}
}
