package daemon

import (
	"time"

	"github.com/hassesd/hassesd/internal/api"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/certs/acmecert"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/publish"
)

// figures returns the figures of now, from what their owners have published. It waits for turns in
// progress as Stats does, and for a count of the rooms up to roomCountWait.
func (d *Daemon) figures() api.Figures {
	now := time.Now()
	st, h, load, memory := d.edge.Stats(now), d.hub.Stats(now), d.edge.Load(), d.memory.Figures()
	f := api.Figures{
		At:              now,
		StartedAt:       d.startedAt,
		Version:         Version(),
		Draining:        d.drainBegun.Load(),
		Connections:     st.Connections,
		ConnectionsPeak: st.Peak,
		ConnectionsMax:  st.Limit,
		StreamsOpened:   st.StreamsOpened,
		StreamsClosed:   st.Closed,
		RequestsRefused: st.Refused,
		TLSRecords:      st.Records,
		Handshakes:      st.Handshakes,
		EventsSent:      st.Deliveries,
		SentBytes:       st.SentBytes,
		DeliveryTimes:   api.Histogram(st.Timings.Deliveries),
		LoopTurns:       api.Histogram(st.Timings.Turns),
		LoopLag:         st.Timings.Lag,
		Rooms:           d.countRooms(now, &st),

		HandshakeResults:  st.HandshakeResults,
		HandshakesResumed: st.HandshakesResumed,
		HandshakeTimes:    api.Histogram(st.Timings.Handshakes),

		Replays:        replays(st.Replays),
		ACMEOrders:     d.certificates.orders(),
		Reloads:        map[string]uint64{resultOK: d.reloads.done.Load(), resultFailed: d.reloads.failed.Load()},
		EventsDropped:  dropped(st.Dropped),
		QueueBytes:     load.QueuedBytes,
		BlockedStreams: load.Blocked,
		HistoryEvents:  h.HistoryEvents,
		HistoryBytes:   h.HistoryBytes,
		HistoryAge:     h.HistoryOldest,
		LastEventID:    d.hub.LastID().String(),
		Certificates:   d.certificates.figures(),
		LogRecordsLost: d.logs.Lost(),
		ControlRefused: make(map[string]uint64),
		Memory: api.MemoryFigures{
			Pressure:    int(memory.Pressure),
			PressureIs:  memory.Pressure.String(),
			UsedBytes:   memory.Use.Live,
			PeakBytes:   memory.Peak,
			BudgetBytes: memory.Budget.Bytes,
			KernelBytes: memory.Use.Kernel,
			StreamsShed: memory.Counts.Shed,
		},
	}
	for _, s := range st.HTTP {
		f.Streams = append(f.Streams, api.StreamFigures{HTTP: s.Version, TLS: s.TLS, Streams: s.Streams})
	}
	for _, l := range st.Loops {
		f.Loops = append(f.Loops, api.LoopFigures{Connections: l.Connections, Streams: l.Streams, Stuck: l.Stuck})
	}
	f.Cluster = d.cluster.figures()
	d.countMessages(&f)
	d.backend.commandErrors.each(func(reason string, n uint64) { f.ControlRefused[reason] += n })
	if d.operators.server != nil {
		f.RefusedAtAPI = d.operators.server.Refused()
	}
	return f
}

// The results of what either succeeds or fails.
const (
	resultOK     = "ok"
	resultFailed = "failed"
)

func replays(n hub.Replays) map[string]uint64 {
	return map[string]uint64{"complete": n.Complete, "gap": n.Gap, "overtaken": n.Overtaken}
}

// orders returns the counts of orders over ACME, which are 0 without it.
func (c *certificates) orders() map[string]uint64 {
	var n acmecert.Orders
	if c.acme != nil {
		n = c.acme.Orders()
	}
	return map[string]uint64{resultOK: n.Issued, resultFailed: n.Failed, "cut": n.Cut}
}

// countMessages adds what became of messages.
func (d *Daemon) countMessages(f *api.Figures) {
	stats := d.publisher.Stats()
	f.PublishHeld = stats.Held
	f.Published, f.PublishRefused = make(map[string]uint64), make(map[string]uint64)
	for _, door := range publish.Doors() {
		f.Published[door.String()] = stats.Doors[door].Published
		for _, refusal := range publish.Refusals() {
			f.PublishRefused[refusal.String()] += stats.Doors[door].Refused[refusal]
		}
	}
	d.publishing.refusedAlone(func(code string, n uint64) { f.PublishRefused["http_"+code] += n })
}

func dropped(n hub.Dropped) map[string]uint64 {
	return map[string]uint64{hub.Close.String(): n.Close, hub.DropOldest.String(): n.Oldest, hub.Latest.String(): n.Latest}
}

// figures returns the certificates that are served, one of each first name.
func (c *certificates) figures() []api.CertificateFigures {
	if c.store == nil {
		return nil
	}
	var all []api.CertificateFigures
	seen := make(map[string]bool)
	for _, info := range c.store.Certificates() {
		name := certificateName(info)
		if !seen[name] { // one that is not valid yet comes before the one that it will replace
			seen[name] = true
			all = append(all, api.CertificateFigures{Name: name, NotAfter: info.NotAfter})
		}
	}
	return all
}

func certificateName(info certs.Info) string {
	if len(info.Names) == 0 {
		return info.Subject
	}
	return info.Names[0]
}

// countRooms returns the number of rooms, as it was at these figures or a moment before.
func (d *Daemon) countRooms(now time.Time, st *edge.Stats) int {
	return d.rooms.get(now, roomsVersion(st), d.edge.CountRooms)
}
