package edge

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
)

// request is what a request head says, as far as it matters here. Its strings do not share the head's memory.
type request struct {
	Method      string
	HTTP10      bool
	Host        string // as sent: of the target if that is a URL, of the field otherwise; may be empty
	Path        string // percent-decoded; "*" and "" (an authority) come only with OPTIONS and CONNECT
	RawQuery    string // as sent
	Origin      string // empty: none
	Agent       string // User-Agent as sent: any bytes but control characters
	LastEventID string // empty: none, or an empty one, which means the same

	hasBody bool // a body is announced

	// Who it is from. These are secrets.
	Authorization string // empty: none
	Cookie        string // several fields are joined; empty: none
	fetchSite     string // Sec-Fetch-Site: how the page that asks and we are related; empty: not a browser

	// Of a CORS preflight.
	wantMethod  string // Access-Control-Request-Method
	wantHeaders string // Access-Control-Request-Headers
}

// parseRequest reads one complete request head, up to and with its blank line. It is strict where leniency has let
// two parties see two different requests. Of the two results one is nil.
func parseRequest(head []byte) (*request, *refusal) {
	if bad := checkHead(head); bad != nil {
		return nil, bad
	}
	// The buffer holds the whole head: net/http reads it in one gulp.
	reader := bufio.NewReaderSize(bytes.NewReader(head), len(head))
	hr, err := http.ReadRequest(reader)
	if err != nil {
		return nil, malformed("the request is malformed")
	}
	if reader.Buffered() > 0 {
		return nil, hostile("the request is ambiguous") // the two readings of where it ends differ
	}
	if len(hr.Header["Authorization"]) > 1 {
		return nil, malformed("the request has more than one Authorization field")
	}
	path, bad := targetPath(hr)
	if bad != nil {
		return nil, bad
	}
	return &request{
		Method:      hr.Method,
		HTTP10:      hr.ProtoMinor == 0,
		Host:        hr.Host,
		Path:        path,
		RawQuery:    hr.URL.RawQuery,
		Origin:      hr.Header.Get("Origin"),
		Agent:       hr.Header.Get("User-Agent"),
		LastEventID: strings.Join(hr.Header["Last-Event-Id"], ", "), // several make an unknown id, as RFC 9110 section 5.3 has it
		hasBody:     hr.ContentLength != 0,

		Authorization: hr.Header.Get("Authorization"),
		Cookie:        strings.Join(hr.Header["Cookie"], "; "),
		fetchSite:     hr.Header.Get("Sec-Fetch-Site"),

		wantMethod:  hr.Header.Get("Access-Control-Request-Method"),
		wantHeaders: strings.Join(hr.Header["Access-Control-Request-Headers"], ","),
	}, nil
}

// targetPath is the path of any of the four forms of a request target (RFC 9112 section 3.2).
func targetPath(hr *http.Request) (string, *refusal) {
	u := hr.URL
	switch {
	case hr.Method == http.MethodConnect:
		return "", nil
	case u.Path == "*" && hr.Method != http.MethodOptions:
		return "", malformed("only OPTIONS may have the target *")
	case u.Scheme == "":
		return u.Path, nil
	case u.Scheme != "http" && u.Scheme != "https", u.Opaque != "", u.Host == "", u.User != nil:
		return "", malformed("the request target is neither a path nor the URL of a web server")
	case u.Path == "":
		return "/", nil
	}
	return u.Path, nil
}
