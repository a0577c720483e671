// Package bench puts a load of streams on a server of Server-Sent Events and measures what becomes
// of its messages.
//
// [Run] conducts a run. Workers hold the streams, each on one event loop: a single worker in this
// process, several in processes of their own, which [Serve] turns into workers. After its handshake
// a stream has no goroutine. Messages carry their number and the time they were due, so that the
// receiver alone can tell loss, doubles, order and latency. Any server that speaks the event stream
// of the HTML standard can be measured.
package bench
