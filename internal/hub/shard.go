package hub

import "time"

// Shard is the part of a Hub that belongs to one event loop: its streams, their rooms and their
// queues.
type Shard struct {
	// Fixed after creation.
	hub *Hub

	// Guarded by hub.mu.
	inbox inbox

	// Changed by the loop, read by all who publish.
	interest interest

	// Owned by the loop.
	directory
	backlog   backlog
	sample    sample
	replays   replays
	batch     []delivery // taken from the inbox
	taken     int        // of batch; the rest waits
	fan       fanout
	cursor    roomCursor // scratch of Deliver
	delivered uint64     // bytes of the events that begin has taken
}

// NewShard adds a shard; it gets every record that is applied from then on and may be for one of its
// streams. wake is called with the lock of the hub held when the first record enters an empty inbox:
// it must only signal the loop.
func (h *Hub) NewShard(wake func()) *Shard {
	s := &Shard{hub: h, directory: newDirectory(), backlog: newBacklog()}
	s.inbox = inbox{wake: wake, interest: &s.interest}
	s.cursor.rooms = s.order.Iter()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.intake.inboxes = append(h.intake.inboxes, &s.inbox)
	return s
}

// DeliveredBytes returns the length of all events that have begun their way to the queues: by its
// growth a caller bounds how much is queued before it flushes.
func (s *Shard) DeliveredBytes() uint64 { return s.delivered }

// QueuedBytes returns how much waits in the queues of all streams, until they are released. Streams
// share the events, so it is far more than the memory that they take: it is what has still to be
// sent.
func (s *Shard) QueuedBytes() int64 { return s.backlog.queued }

// FannedOutBytes returns how much was put into queues: each message as often as there were streams
// for it.
func (s *Shard) FannedOutBytes() uint64 { return s.backlog.fannedOut }

// ReplayWork returns how many places of the history replays have looked at, in Subscribe and Pop:
// by its growth a caller bounds how long replays keep others waiting. A thousand take about as long
// as ten short writes.
func (s *Shard) ReplayWork() uint64 { return s.replays.looked }

// Sent returns the number of events that were popped whole from the streams of this shard.
func (s *Shard) Sent() uint64 { return s.backlog.sent }

// Dropped counts the events that streams of this shard did not get, by reason.
func (s *Shard) Dropped() Dropped { return s.backlog.dropped }

// Replays returns the counts.
func (s *Shard) Replays() Replays { return s.replays.counts }

// TakeSample returns when a live event was published that Pop has returned the end of since the last
// call. It picks one event of 64, and the newest if there are several; ok is false if there is none.
func (s *Shard) TakeSample() (published time.Time, ok bool) {
	if !s.sample.isThere {
		return time.Time{}, false
	}
	return s.takeSample(), true
}

func (s *Shard) takeSample() time.Time {
	s.sample.isThere = false
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	return s.hub.history.start.Add(s.sample.at)
}
