// Package acmecert obtains certificates from an ACME certification authority (RFC 8555) and renews
// them.
//
// A [Manager] runs one goroutine per host. The goroutine decides when to order next with [nextTry],
// a pure function of the time, the certificate and the record of earlier tries, and passes
// certificates to a [Store]. Handshakes read the store only, so they never wait for the authority.
package acmecert
