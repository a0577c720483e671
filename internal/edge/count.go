package edge

var _ counter = (*worker)(nil)

// changesSoFar implements counter.
func (w *worker) changesSoFar() uint64 {
	n := w.changes + w.subs.Changes() + w.handshakes.changes + w.occupancy.changes
	for _, a := range w.acceptors {
		n += a.Stats().Shed
	}
	return n
}

// count implements counter.
func (w *worker) count() figures {
	f := figures{
		connections:       len(w.conns),
		streams:           w.subs.Streaming(),
		streamsOpened:     w.subs.Opened(),
		reinits:           w.subs.Reinits(),
		http2:             w.occupancy.conns,
		http2Secure:       w.occupancy.secure,
		mostStreams:       w.occupancy.most,
		closed:            w.closed,
		refused:           w.refused,
		keepers:           w.transport.Keepers(),
		handshakes:        w.handshakes.queue.Running(),
		handshakesWaiting: w.handshakes.queue.Waiting(),
		handshakeResults:  w.handshakes.results,
		handshakesResumed: w.handshakes.resumed,
		replays:           w.shard.Replays(),
	}
	for k := range f.streamsOf {
		f.streamsOf[k] = w.subs.StreamingOf(uint8(k))
	}
	f.mostHandshakesOf, f.mostHandshakes = w.handshakes.queue.Most()
	for _, a := range w.acceptors {
		f.refused[RefusedDescriptors] += a.Stats().Shed
	}
	return f
}

// countVolumes implements counter. It stores only what has changed: a load is cheaper than a store to
// a line that other CPUs have cached.
func (w *worker) countVolumes(v *volumes) {
	dropped := w.shard.Dropped()
	storeInt(&v.queuedBytes, w.shard.QueuedBytes())
	storeInt(&v.blocked, int64(w.transport.Blocked()))
	storeUint(&v.deliveries, w.subs.Deliveries())
	storeUint(&v.fannedOutBytes, w.shard.FannedOutBytes())
	storeUint(&v.droppedClose, dropped.Close)
	storeUint(&v.droppedOldest, dropped.Oldest)
	storeUint(&v.droppedLatest, dropped.Latest)
	storeUint(&v.sentBytes, w.transport.Sent())
	storeInt(&v.slowestTurn, int64(w.timings.slowest.max()))
}
