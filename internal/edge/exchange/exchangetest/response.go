// Package exchangetest checks what is written to clients.
package exchangetest

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// origins are those that CheckResponse accepts in Access-Control-Allow-Origin.
var origins = map[string]bool{"https://www.example.org": true, "https://a": true}

var fields = map[string]bool{
	"Access-Control-Allow-Credentials": true, "Access-Control-Allow-Headers": true, "Access-Control-Allow-Methods": true,
	"Access-Control-Allow-Origin": true, "Access-Control-Max-Age": true, "Allow": true, "Cache-Control": true,
	"Connection": true, "Content-Length": true, "Content-Security-Policy": true, "Content-Type": true, "Date": true,
	"Referrer-Policy": true, "Server": true, "Strict-Transport-Security": true, "Vary": true, "X-Accel-Buffering": true,
	"X-Content-Type-Options": true,
}

// CheckResponse fails unless out is one HTTP/1 response to req with the date "now", or the
// beginning of a stream, whatever the request put into it. Known origins are
// https://www.example.org and https://a.
func CheckResponse(t testing.TB, out []byte, req *exchange.Request) {
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
		if !fields[name] {
			t.Fatalf("unexpected field %s in %q", name, out)
		}
	}
	if origin := response.Header.Get("Access-Control-Allow-Origin"); origin != "" && !origins[strings.ToLower(origin)] {
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
