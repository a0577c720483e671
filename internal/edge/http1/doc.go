// Package http1 turns the bytes of an HTTP/1 connection into requests, and answers into bytes. It is pure: it does no I/O,
// asks no clock and starts no goroutine.
//
// A [Conn] is one connection's framing. Its carrier hands it what the client sent ([Conn.Receive]), takes one record after
// another from it ([Conn.NextRecord]), and tells it how the exchange goes on: a stream begins, ends, or a finite answer
// follows.
package http1
