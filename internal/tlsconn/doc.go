// Package tlsconn is a TLS server connection that never blocks its caller.
//
// crypto/tls cannot resume a handshake that ran out of input, so [Conn.Start] runs it on a goroutine of its own, whose
// reads wait for [Conn.Wake]. Afterwards the goroutine is gone and the connection belongs to its caller's event loop:
//
//	c := tlsconn.Server(descriptor, config)
//	c.Start(gate, func(err error) { loop.Post(func() { opened(c, err) }) })
//	// on readable or writable while the handshake lasts: c.Wake(); at its deadline: c.Abort(err)
//	// after done(nil), at once and on each event:
//	//   c.Flush(); c.ReadPlain(buf) until it would block; c.Flush()
//	//   c.Seal(events) while c.Pending() == 0
//
// [Plain] has the same methods for connections without TLS.
package tlsconn
