// Package client is the caller's side of the control protocol: it connects to a daemon over a Unix
// socket, TCP or TLS, and calls its methods.
package client
