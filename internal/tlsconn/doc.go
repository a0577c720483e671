// Package tlsconn is a TLS server connection that never blocks its caller.
//
// crypto/tls cannot resume a handshake that ran out of input, so [Conn.Start] runs it on its own
// goroutine, whose reads wait for [Conn.Wake]. When the goroutine has ended, the connection belongs
// to the caller's event loop:
//
//	c.Init(descriptor, config)
//	c.Start(gate, func(err error) { loop.Post(func() { opened(c, err) }) })
//	// on readable or writable while the handshake lasts: c.Wake(); at its deadline: c.Abort(err)
//	// after done(nil), at once and on each event:
//	//   c.Flush(); c.ReadPlain(buf) until it would block; c.Flush()
//	//   c.Seal(events) while c.Pending() == 0
//
// [Plain] has the same methods for connections without TLS.
package tlsconn
