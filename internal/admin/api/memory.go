package api

// How short memory is. Each level includes the measures of those before.
const (
	PressureNone   = "none"
	PressureRefuse = "refuse" // new streams are deferred
	PressureShed   = "shed"   // the streams with the longest queues are ended
	PressureForget = "forget" // and the history is halved
)

// MemoryStatus is how much memory the daemon uses, and what it did to stay within limits.memory.
// Counters only grow.
type MemoryStatus struct {
	Pressure    string `json:"pressure"` // none, refuse, shed, forget
	UsedBytes   int64  `json:"used_bytes"`
	PeakBytes   int64  `json:"peak_bytes"`
	BudgetBytes int64  `json:"budget_bytes"` // 0: not known
	BudgetFrom  string `json:"budget_from"`  // limits.memory, GOMEMLIMIT, cgroup, machine
	KernelBytes int64  `json:"kernel_bytes"` // of UsedBytes: about what the kernel holds for blocked streams

	ControlBytes int64 `json:"control_bytes"` // of UsedBytes: unfinished commands, and listings that wait to be read
	BodyBytes    int64 `json:"body_bytes"`    // of UsedBytes: bodies of POST requests in work

	ShortTotal      uint64 `json:"short_total"`      // times that memory began to run short
	QueuedBytes     int64  `json:"queued_bytes"`     // not sent yet; streams share the events
	BlockedStreams  int    `json:"blocked_streams"`  // whose client does not read
	StreamsEnded    uint64 `json:"streams_ended"`    // to free memory, or the queues of all
	EventsForgotten uint64 `json:"events_forgotten"` // of the history, to free memory
}

// PublishStatus is how long publishers waited. Counters only grow.
type PublishStatus struct {
	HeldTotal   uint64  `json:"held_total"`   // messages that waited for limits.publish_rate or limits.publish_bytes
	HeldSeconds float64 `json:"held_seconds"` // how long in all

	Doors         map[string]uint64 `json:"doors"`          // messages published, by door
	RepeatedTotal uint64            `json:"repeated_total"` // messages that were sent again under their idempotency key
	Keys          int               `json:"keys"`           // idempotency keys that are remembered

	FannedOutBytes uint64 `json:"fanned_out_bytes"` // put into queues: each message as often as there were streams for it
}
