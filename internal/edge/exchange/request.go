// Package exchange holds a request and its answer as values, whatever version of HTTP carries them.
package exchange

import "log/slog"

// Request is what a request says, as far as it matters here. Its strings do not share the memory of what it was read
// from.
type Request struct {
	Method      string
	HTTP10      bool   // from an HTTP/1.0 client, for whom only the end of the connection ends a stream
	Host        string // as sent: of the target if that is a URL, of the field otherwise; may be empty
	Path        string // percent-decoded; "*" and "" (an authority) come only with OPTIONS and CONNECT
	RawQuery    string // as sent
	Origin      string // empty: none
	Agent       string // User-Agent as sent: any bytes but control characters
	LastEventID string // empty: none, or an empty one, which means the same

	HasBody bool // a body is announced

	// The credentials. These are secrets.
	Authorization string // empty: none
	Cookie        string // several fields are joined; empty: none
	FetchSite     string // Sec-Fetch-Site: how the requesting page and this host are related; empty: not a browser

	// Of a CORS preflight.
	WantMethod  string // Access-Control-Request-Method
	WantHeaders string // Access-Control-Request-Headers
}

// LogValue shows what of a request may be logged: no query, cookie or token.
func (r *Request) LogValue() slog.Value {
	return slog.GroupValue(slog.String("method", r.Method), slog.String("path", r.Path))
}
