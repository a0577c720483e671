// Package edge is a subscriber's life: accept, TLS, request, stream, close. It is the only place where the reactor, the
// TLS adapter and the hub meet.
//
// A [Server] spreads connections over workers, one for each event loop. A worker owns its connections and everything
// in them; other goroutines reach them only through the loop's Post. The one exception is a TLS handshake, which owns
// its connection's transport from Start to done.
package edge
