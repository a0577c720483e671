package site

import "github.com/hassesd/hassesd/internal/edge/exchange"

// AppendStreamFields appends the header fields of a response that is an event stream. date is the
// value of the Date field; secure: the connection has TLS.
func (r *Rules) AppendStreamFields(dst []exchange.Field, req *exchange.Request, date string, secure bool) []exchange.Field {
	dst = append(
		dst,
		exchange.Field{Name: "Content-Type", Value: "text/event-stream"},
		// These keep proxies from holding the response back.
		exchange.Field{Name: "Cache-Control", Value: "no-cache, no-transform"},
		exchange.Field{Name: "X-Accel-Buffering", Value: "no"},
	)
	return r.appendCommon(dst, req, date, secure)
}

// Complete gives a finite answer its body, if it is an error, and the fields that every response
// has. req is nil if the request could not be read.
func (r *Rules) Complete(a *exchange.Answer, req *exchange.Request, date string, secure bool) {
	if a.Stream { // its head is that of the GET
		a.Fields = r.AppendStreamFields(a.Fields, req, date, secure)
		return
	}
	if a.Code != "" {
		a.Body = a.ErrorBody()
		a.Fields = append(
			a.Fields,
			exchange.Field{Name: "Content-Type", Value: "application/json"},
			exchange.Field{Name: "Cache-Control", Value: "no-store"},
		)
	}
	a.Fields = append(a.Fields, exchange.Field{Name: "X-Content-Type-Options", Value: "nosniff"})
	a.Fields = r.appendCommon(a.Fields, req, date, secure)
}

// appendCommon appends the fields that every response has.
func (r *Rules) appendCommon(dst []exchange.Field, req *exchange.Request, date string, secure bool) []exchange.Field {
	dst = append(dst, exchange.Field{Name: "Server", Value: "hassesd"}, exchange.Field{Name: "Date", Value: date})
	if secure && r.HSTS != "" {
		dst = append(dst, exchange.Field{Name: "Strict-Transport-Security", Value: r.HSTS})
	}
	return appendCORS(dst, req, r)
}
