// Package server is the daemon's side of the control protocol: it listens, admits connections, runs
// their commands one after another on a [Backend], and sends the answers in the same order.
// Everything that a peer can hold up has a bound.
package server
