// Package bench puts a load of streams on a server of Server-Sent Events and measures what becomes of its messages.
//
// A run is conducted by [Run]. The streams are held by workers, one or several, each with one event loop: the first in
// this process, as many more as needed in processes of their own, which [Serve] makes of them. After its handshake a
// stream has no goroutine. Messages carry their number and the time they were due, so that loss, doubles, order and
// latency are known at the receiver and nowhere else; any server that speaks the event stream of the HTML standard can
// be measured.
package bench
