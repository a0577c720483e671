// Package dashboard is the page on which operators watch the daemon: what it shows, the last minutes
// that it keeps for it, and the page itself, which is one file without anything from outside.
//
// The page reads; it changes nothing. It gets the figures each second over one stream, and asks for
// the lists that it shows. All of it is JSON, and the page puts it into text nodes alone: what
// clients have named never becomes markup, and its Content-Security-Policy lets the browser refuse
// any attempt (script and style by their hashes, Trusted Types without a policy).
package dashboard
