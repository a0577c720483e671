package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"

	"github.com/hassesd/hassesd/internal/edge/exchange"
)

// ParseRequest parses one complete request head, including its blank line. It is strict where
// lenient parsers have disagreed with each other. Exactly one of the results is nil.
func ParseRequest(head []byte) (*exchange.Request, *exchange.Answer) {
	if bad := checkHead(head); bad != nil {
		return nil, bad
	}
	if req := parsePlainPost(head); req != nil {
		return req, nil
	}
	return parseWithNetHTTP(head)
}

// parseWithNetHTTP parses a head that checkHead has accepted.
func parseWithNetHTTP(head []byte) (*exchange.Request, *exchange.Answer) {
	// The buffer holds the whole head: net/http reads it in one gulp.
	reader := bufio.NewReaderSize(bytes.NewReader(head), len(head))
	hr, err := http.ReadRequest(reader)
	if err != nil {
		return nil, exchange.Malformed("the request is malformed")
	}
	if reader.Buffered() > 0 {
		return nil, exchange.Hostile("the request is ambiguous") // the two readings of where it ends differ
	}
	if len(hr.Header["Authorization"]) > 1 {
		return nil, exchange.Malformed("the request has more than one Authorization field")
	}
	path, bad := targetPath(hr)
	if bad != nil {
		return nil, bad
	}
	expect := hr.Header.Get("Expect")
	if hr.Method == http.MethodPost && expect != "" && !strings.EqualFold(expect, "100-continue") {
		return nil, exchange.Refuse(http.StatusExpectationFailed, exchange.CodeExpectationFailed, "the only expectation that can be met is 100-continue")
	}
	return &exchange.Request{
		Method:      hr.Method,
		HTTP10:      hr.ProtoMinor == 0,
		Host:        hr.Host,
		Path:        path,
		RawQuery:    hr.URL.RawQuery,
		Origin:      hr.Header.Get("Origin"),
		Agent:       hr.Header.Get("User-Agent"),
		LastEventID: strings.Join(hr.Header["Last-Event-Id"], ", "), // several make an unknown id, as RFC 9110 section 5.3 has it
		HasBody:     hr.ContentLength != 0,

		ContentLength:   hr.ContentLength,
		Continue:        hr.Method == http.MethodPost && expect != "" && hr.ContentLength != 0 && hr.ProtoMinor > 0,
		KeepAlive:       !hr.Close && hr.ProtoMinor > 0,
		ContentType:     hr.Header["Content-Type"],
		ContentEncoding: hr.Header["Content-Encoding"],
		IdempotencyKey:  hr.Header["Idempotency-Key"],

		Authorization: hr.Header.Get("Authorization"),
		Cookie:        strings.Join(hr.Header["Cookie"], "; "),
		FetchSite:     hr.Header.Get("Sec-Fetch-Site"),

		ForwardedFor: strings.Join(hr.Header["X-Forwarded-For"], ", "),
		Forwarded:    strings.Join(hr.Header["Forwarded"], ", "),

		WantMethod:  hr.Header.Get("Access-Control-Request-Method"),
		WantHeaders: strings.Join(hr.Header["Access-Control-Request-Headers"], ","),
	}, nil
}

// targetPath returns the path of any of the four forms of a request target (RFC 9112 section 3.2).
func targetPath(hr *http.Request) (string, *exchange.Answer) {
	u := hr.URL
	switch {
	case hr.Method == http.MethodConnect:
		return "", nil
	case u.Path == "*" && hr.Method != http.MethodOptions:
		return "", exchange.Malformed("only OPTIONS may have the target *")
	case u.Scheme == "":
		return u.Path, nil
	case u.Scheme != "http" && u.Scheme != "https", u.Opaque != "", u.Host == "", u.User != nil:
		return "", exchange.Malformed("the request target is neither a path nor the URL of a web server")
	case u.Path == "":
		return "/", nil
	}
	return u.Path, nil
}
