// Package edge serves subscribers. It connects the packages below it: connections ([transport]),
// the framing of HTTP ([http1], [http2]), what proxies tell about clients ([proxy]), decisions on
// requests ([site]), subscriptions ([subscriber]) and the order of writes ([scheduler]).
//
// A [Server] spreads connections over workers, one per event loop. A worker owns its connections
// and subscribers; other goroutines reach them only through the loop's Post. The one exception is a
// TLS handshake, which owns its connection's transport from Start to done.
package edge
