// Package jetstream has the log of a cluster: a stream of NATS JetStream decides about the order of
// all messages, and every node follows it.
//
//	log := jetstream.New(options)
//	log.Follow(hub)
//	go log.Run(ctx) // connects, follows, and begins anew whatever happens
//	receipt, err := log.Append(ctx, draft)
//
// An id is the epoch that the log has at that place, and the number of the record in the stream. A
// message is acknowledged when this node has read its own record back: then a majority of the
// brokers has it, and it counts under the epoch in which it was published.
//
// What a record means is decided in one place, [order], which knows no network: by the records
// alone, so that every node decides alike. A session is one connection: it looks at what the stream
// is, follows from there, and ends with whatever surprises it. The next one looks again.
//
// The files use each other one way. [Log] runs one session after the other, and publishes; it knows
// sessions by their connection, [conn]. A session knows nothing of Log: what outlives it is in
// [state], which both share.
package jetstream
