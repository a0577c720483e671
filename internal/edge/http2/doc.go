// Package http2 is the server's side of HTTP/2 (RFC 9113): bytes in, events out, bytes out.
//
// A [Conn] does no I/O, starts no goroutine and reads no clock. Its owner hands it what the peer
// sent, with the time, and asks it for what is to be sent, a record at a time:
//
//	c.Start(now, shared, handler)
//	rest, err := c.Receive(now, p) // calls the handler; err: the connection is over
//	record = c.AppendFrames(record[:0], 16<<10)
//
// A request becomes a [Stream], which the handler embeds in whatever carries it. The connection
// pulls a stream's bytes when windows and the record have room for them, so that one record carries
// DATA frames of many streams.
//
// Nothing of it is safe for concurrent use. What a peer can make a Conn hold or do is bounded: see
// [Limits] and the budget.
package http2
