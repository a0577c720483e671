// Package exchange represents a request and its answer as values, independent of the version of
// HTTP.
package exchange

import "log/slog"

// Request holds the relevant parts of a request. Its strings do not share memory with the bytes it
// was parsed from.
type Request struct {
	Method      string
	HTTP10      bool   // from an HTTP/1.0 client, for whom only the end of the connection ends a stream
	Host        string // as sent: of the target if that is a URL, of the field otherwise; may be empty
	Path        string // percent-decoded; "*" and "" (an authority) come only with OPTIONS and CONNECT
	RawQuery    string // as sent
	Origin      string // empty: none
	Agent       string // User-Agent as sent: any bytes but control characters
	LastEventID string // empty: none, or an empty one, which means the same

	HasBody       bool  // a body is announced
	ContentLength int64 // of the body; -1: it is not known
	Continue      bool  // the client waits for 100 (Continue) before it sends the body
	KeepAlive     bool  // another request may follow on the connection

	// Of the body. Each field of the name.
	ContentType     []string
	ContentEncoding []string
	IdempotencyKey  []string

	// The credentials. These are secrets.
	Authorization string // empty: none
	Cookie        string // several fields are joined; empty: none
	FetchSite     string // Sec-Fetch-Site: how the requesting page and this host are related; empty: not a browser

	// What proxies say about the client. Anyone can forge it. Several fields are joined.
	ForwardedFor string // X-Forwarded-For
	Forwarded    string // RFC 7239

	// Of a CORS preflight.
	WantMethod  string // Access-Control-Request-Method
	WantHeaders string // Access-Control-Request-Headers
}

// LogValue returns the parts of a request that may be logged: no query, cookie or token.
func (r *Request) LogValue() slog.Value {
	return slog.GroupValue(slog.String("method", r.Method), slog.String("path", r.Path))
}
