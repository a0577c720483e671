// Package certs holds the certificates that the daemon serves: an immutable snapshot of names, certificates and
// challenge answers that files, an ACME client or development mode feed and that a change swaps. A handshake asks the
// snapshot and nothing else: it never waits for a lock, a file or the network.
package certs
