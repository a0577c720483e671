package daemon

import (
	"context"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/eventlog/jetstream"
	"github.com/hassesd/hassesd/internal/sse"
)

// hello returns what other nodes are told of this one.
func (b *backend) hello() jetstream.Hello {
	return jetstream.Hello{Version: Version(), Streams: b.edge.Stats(time.Now()).Streams, Draining: b.isDraining()}
}

// Nodes implements server.Backend.
func (b *backend) Nodes(context.Context) (api.Nodes, error) {
	out := api.Nodes{Nodes: []api.Node{}}
	if b.cluster.events == nil {
		h := b.hello()
		out.Nodes = append(out.Nodes, api.Node{
			Node: machineName(), Version: h.Version, Streams: h.Streams, Position: b.hub.LastID().String(), Ready: true, Draining: h.Draining, Self: true,
		})
		return out, nil
	}
	out.Cluster = b.settings().Cluster.Name
	now := time.Now()
	peers := b.cluster.events.Peers()
	newest := sse.ID{}
	for _, p := range peers {
		if id, ok := sse.ParseID(p.Position); ok && (sse.IsLaterEpoch(id.Epoch, newest.Epoch) || id.Epoch == newest.Epoch && id.Seq > newest.Seq) {
			newest = id
		}
	}
	for _, p := range peers {
		n := api.Node{
			Node: p.Node, Version: p.Version, Streams: p.Streams, Position: p.Position, Ready: p.Ready, Draining: p.Draining,
			LagSeconds: p.LagSeconds, SeenSeconds: max(0, now.Sub(p.Seen)).Seconds(), Self: p.Own,
		}
		if id, ok := sse.ParseID(p.Position); ok && id.Epoch == newest.Epoch {
			n.Behind = newest.Seq - id.Seq
		}
		out.Nodes = append(out.Nodes, n)
	}
	return out, nil
}
