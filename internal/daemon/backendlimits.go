package daemon

import (
	"cmp"
	"context"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/publish"
)

// penalizedListed is how many penalized networks are listed unless the caller asks for more.
const penalizedListed = 100

// Limits implements admin.Backend.
func (b *backend) Limits(_ context.Context, p api.LimitsParams) (api.Limits, error) {
	in := b.edge.Limits(time.Now(), cmp.Or(p.Penalized, penalizedListed))
	a := &in.Admission
	out := api.Limits{
		Uses: []api.LimitUse{
			{Key: "limits.connections", Used: int64(in.Connections), Limit: int64(in.ConnectionLimit), Unit: "connections", Peak: int64(in.Peak)},
			{
				Key: "limits.connections_per_address", Used: int64(a.Most.Connections), Limit: int64(a.Limits.Connections),
				Unit: "connections", Of: ofNetwork(a.Most.Network, a.Most.Connections),
			},
			{Key: "limits.handshakes", Used: int64(in.Handshakes), Limit: int64(in.HandshakeLimit), Unit: "handshakes", Waiting: int64(in.HandshakesWaiting)},
			{
				Key: "limits.handshakes_per_address", Used: int64(in.MostHandshakes), Limit: int64(a.Limits.Handshakes),
				Unit: "handshakes", Of: ofNetwork(in.MostHandshakesOf, in.MostHandshakes),
			},
			{Key: "limits.streams", Used: int64(in.Streams), Limit: int64(in.StreamLimit), Unit: "streams"},
			{
				Key: "limits.streams_per_address", Used: int64(a.MostOpen.Streams), Limit: int64(a.Limits.Streams),
				Unit: "streams", Of: ofNetwork(a.MostOpen.Network, a.MostOpen.Streams),
			},
			{Key: "limits.streams_per_connection", Used: int64(in.MostStreams), Limit: int64(in.MostStreamsLimit), Unit: "streams"},
		},
		Refused: in.Refused,
		Memory:  b.memoryStatus(),
		Publish: b.publishStatus(in.FannedOutBytes),
		Penalties: api.Penalties{
			Mode:      a.Limits.Penalties.String(),
			Total:     a.Total,
			Imposed:   a.Imposed,
			DryRun:    a.DryRun,
			Table:     a.Records,
			TableMax:  a.Capacity,
			Forgotten: a.Forgotten,
			Offences:  a.Violations,
		},
	}
	s, m := b.settings(), out.Memory
	out.Uses = append(out.Uses,
		api.LimitUse{Key: "publish.requests", Used: int64(b.edge.Publishing()), Limit: int64(s.Publish.Requests), Unit: "requests"},
		api.LimitUse{Key: "limits.queue_bytes_total", Used: m.QueuedBytes, Limit: s.Limits.QueueBytesTotal, Unit: "bytes"},
		api.LimitUse{Key: "limits.memory", Used: m.UsedBytes, Limit: m.BudgetBytes, Unit: "bytes", Peak: m.PeakBytes},
	)
	for _, n := range a.Penalized {
		out.Penalties.Penalized = append(out.Penalties.Penalized, api.Penalized{
			Network: n.Network.String(), SecondsLeft: n.Left.Seconds(), Why: n.Why.String(),
		})
	}
	b.commandErrors.each(func(reason string, n uint64) { out.Refused["control_"+reason] += n })
	return out, nil
}

// memoryStatus returns the result of the guard's last check.
func (b *backend) memoryStatus() api.MemoryStatus {
	f, load := b.memory.Figures(), b.edge.Load()
	return api.MemoryStatus{
		Pressure:        f.Pressure.String(),
		UsedBytes:       f.Use.Live,
		PeakBytes:       f.Peak,
		BudgetBytes:     f.Budget.Bytes,
		BudgetFrom:      f.Budget.From,
		KernelBytes:     f.Use.Kernel,
		ControlBytes:    b.control.server.HeldBytes(),
		BodyBytes:       b.publishing.budget.Held(),
		ShortTotal:      f.Counts.Short,
		QueuedBytes:     load.QueuedBytes,
		BlockedStreams:  load.Blocked,
		StreamsEnded:    f.Counts.Shed,
		EventsForgotten: f.Counts.Forgotten,
	}
}

func (b *backend) publishStatus(fannedOut uint64) api.PublishStatus {
	stats := b.publisher.Stats()
	out := api.PublishStatus{
		HeldTotal:      stats.Held,
		HeldSeconds:    stats.HeldFor.Seconds(),
		Doors:          make(map[string]uint64, len(stats.Doors)),
		Keys:           b.publishing.keys.Len(),
		FannedOutBytes: fannedOut,
	}
	for _, door := range publish.Doors() {
		out.Doors[door.String()] = stats.Doors[door].Published
		out.RepeatedTotal += stats.Doors[door].Repeated
	}
	return out
}

// ofNetwork returns the name of the network that uses most, empty if none uses any.
func ofNetwork(n admission.Network, used int) string {
	if used == 0 {
		return ""
	}
	return n.String()
}
