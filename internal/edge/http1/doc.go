// Package http1 turns the bytes of an HTTP/1 connection into requests, and answers into bytes. It
// is pure: it does no I/O, reads no clock and starts no goroutine.
//
// A [Conn] is the framing of one connection. Its owner passes it what the client sent
// ([Conn.Receive]), takes records from it ([Conn.NextRecord]), and decides how the exchange
// continues: a stream starts, a stream ends, or a finite answer follows.
package http1
