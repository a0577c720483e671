// Package acmecert obtains certificates from an ACME certification authority (RFC 8555) and renews them.
//
// A [Manager] has one goroutine a host. It decides when to ask next with [nextTry], a pure function of the clock, the
// certificate and what is remembered of earlier tries, and hands what it gets to a [Store]. Handshakes read the store
// and never meet the manager, so none of them ever waits for the authority.
package acmecert
