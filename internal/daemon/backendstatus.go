package daemon

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/options"
)

// Status implements admin.Backend.
func (b *backend) Status(ctx context.Context, p api.StatusParams) (api.Status, error) {
	out := b.ownStatus()
	if p.Cluster {
		var others []api.Status
		others, out.Nodes = askOthers[api.Status](ctx, b.cluster, api.MethodStatus, api.StatusParams{})
		for i := range others {
			addStatus(&out, &others[i])
		}
	}
	return out, nil
}

// ownStatus returns the status of this daemon.
func (b *backend) ownStatus() api.Status {
	now := time.Now()
	st := b.edge.Stats(now)
	h := b.hub.Stats(now)
	settings := b.settings()
	last := b.hub.LastID()
	out := api.Status{
		Version:         Version(),
		Compiled:        Compiled(),
		PID:             os.Getpid(),
		UID:             os.Geteuid(),
		User:            b.confined.user,
		StartedAt:       b.startedAt,
		UptimeSeconds:   now.Sub(b.startedAt).Seconds(),
		Mode:            options.Mode(b.listeners.addresses()),
		LogLevel:        b.logs.Level(),
		LogRecordsLost:  b.logs.Lost(),
		Reinit:          b.edge.Reinit(),
		Draining:        b.isDraining(),
		Connections:     st.Connections,
		Streams:         st.Streams,
		ConnectionsMax:  st.Limit,
		ConnectionsPeak: st.Peak,
		HandshakesTotal: st.StreamsOpened,
		ReinitsTotal:    st.Reinits,
		MessagesTotal:   h.Messages,
		DeliveriesTotal: st.Deliveries,
		Epoch:           last.Epoch,
		LastEventID:     last.String(),
		History: api.HistoryStatus{
			Events:           h.HistoryEvents,
			Bytes:            h.HistoryBytes,
			OldestAgeSeconds: h.HistoryOldest.Seconds(),
		},
		Closed:     st.Closed,
		Refused:    st.Refused,
		Dropped:    dropped(st.Dropped),
		TLSRecords: st.Records,
		CORSOrigin: settings.CORS.Origins,
		Listen:     b.listeners.addresses(),
		Endpoints:  slices.Concat(b.listeners.endpoints(), b.control.endpoints, b.operators.endpoints()),
	}
	if all := settings.TLS.All(); len(all) > 0 { // hasses had one
		out.CertFile, out.KeyFile = all[0].CertFile, all[0].KeyFile
	}
	for _, h := range st.HTTP {
		out.HTTP = append(out.HTTP, api.HTTPStatus{Version: h.Version, TLS: h.TLS, Connections: h.Connections, Streams: h.Streams})
	}
	for _, l := range st.Loops {
		out.Loops = append(out.Loops, api.LoopStatus{Connections: l.Connections, Streams: l.Streams, Stuck: l.Stuck})
	}
	memory := b.memoryStatus()
	out.Memory, out.Cluster = &memory, b.cluster.status()
	b.commandErrors.each(func(reason string, n uint64) {
		out.CommandErrorsTotal += n
		out.Refused["control_"+reason] += n
	})
	b.publishing.refused(func(code string, n uint64) { out.Refused["publish_"+code] += n })
	return out
}

// addStatus adds the numbers of another node to a status.
func addStatus(to, other *api.Status) {
	to.Connections += other.Connections
	to.Streams += other.Streams
	to.ConnectionsMax += other.ConnectionsMax
	to.ConnectionsPeak += other.ConnectionsPeak
	to.HandshakesTotal += other.HandshakesTotal
	to.ReinitsTotal += other.ReinitsTotal
	to.DeliveriesTotal += other.DeliveriesTotal
	to.CommandErrorsTotal += other.CommandErrorsTotal
	to.LogRecordsLost += other.LogRecordsLost
	to.MessagesTotal = max(to.MessagesTotal, other.MessagesTotal) // every node gets every message
	for _, pair := range []struct{ to, other map[string]uint64 }{
		{to.Closed, other.Closed}, {to.Refused, other.Refused}, {to.Dropped, other.Dropped}, {to.TLSRecords, other.TLSRecords},
	} {
		for reason, n := range pair.other {
			if pair.to != nil {
				pair.to[reason] += n
			}
		}
	}
	for _, h := range other.HTTP {
		for i := range to.HTTP {
			if to.HTTP[i].Version == h.Version && to.HTTP[i].TLS == h.TLS {
				to.HTTP[i].Connections += h.Connections
				to.HTTP[i].Streams += h.Streams
			}
		}
	}
}
