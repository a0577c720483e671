// Package edge serves subscribers. It wires what carries them: connections ([transport]), the framing of HTTP/1 ([http1]),
// what a request gets ([site]), subscriptions ([subscriber]) and the order in which they write ([scheduler]).
//
// A [Server] spreads connections over workers, one for each event loop. A worker owns its connections, its subscribers and
// everything in them; other goroutines reach them only through the loop's Post. The one exception is a TLS handshake, which
// owns its connection's transport from Start to done.
package edge
