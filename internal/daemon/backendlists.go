package daemon

import (
	"context"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// Clients implements admin.Backend.
func (b *backend) Clients(ctx context.Context, p api.ClientsParams) (api.Clients, error) {
	if p.Cluster {
		return b.clusterClients(ctx, p)
	}
	return b.ownClients(ctx, p)
}

// Rooms implements admin.Backend.
func (b *backend) Rooms(ctx context.Context, p api.RoomsParams) (api.Rooms, error) {
	if p.Cluster {
		return b.clusterRooms(ctx, p)
	}
	return b.ownRooms(ctx, p)
}

// Count implements admin.Backend.
func (b *backend) Count(ctx context.Context, p api.CountParams) (api.Count, error) {
	connections, streams, err := b.edge.Count(ctx, p.Room)
	if err != nil {
		return api.Count{}, busy(err)
	}
	out := api.Count{Room: p.Room, Streams: streams}
	if p.Room == "" {
		out.Connections = &connections
	}
	if p.Cluster {
		var others []api.Count
		others, out.Nodes = askOthers[api.Count](ctx, b.cluster, api.MethodCount, api.CountParams{Room: p.Room})
		for _, other := range others {
			out.Streams += other.Streams
			if out.Connections != nil && other.Connections != nil {
				*out.Connections += *other.Connections
			}
		}
	}
	return out, nil
}
