// Package certs holds the certificates that the daemon serves. A [Store] publishes immutable
// snapshots of certificates, names and challenge responses, from files, an ACME client or
// development mode. A handshake reads the current snapshot only: it never waits for a lock, a file
// or the network.
package certs
