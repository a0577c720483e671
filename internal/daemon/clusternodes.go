package daemon

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/eventlog/jetstream"
	"github.com/hassesd/hassesd/internal/sse"
)

// nodesTimeout is how long other nodes have to answer.
const nodesTimeout = time.Second

// nodeRequest is what one node asks the others: a method of the control protocol.
type nodeRequest struct {
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// nodeResult is what one answers. Without a result, it could not.
type nodeResult struct {
	Result json.RawMessage `json:"result,omitempty"`
}

// askOthers has all other nodes carry out a method, and returns their results and who is missing.
// In a daemon of its own there are none.
func askOthers[T any](ctx context.Context, c *cluster, method string, params any) ([]T, *api.NodesAsked) {
	return askThose[T](ctx, c, method, params, jetstream.Silent{})
}

// askThose is askOthers for one of many pages: nodes in silent are not waited for, but are missing,
// and those that do not answer are added.
func askThose[T any](ctx context.Context, c *cluster, method string, params any, silent jetstream.Silent) ([]T, *api.NodesAsked) {
	asked := &api.NodesAsked{Asked: 1, Answered: 1, Missing: []string{}}
	if c.events == nil {
		return nil, asked
	}
	ctx, cancel := context.WithTimeout(ctx, nodesTimeout)
	defer cancel()
	text, err := json.Marshal(params)
	if err == nil {
		text, err = json.Marshal(nodeRequest{method, text})
	}
	if err != nil {
		panic("daemon: internal error: a question to other nodes cannot be encoded: " + err.Error())
	}
	var out []T
	for _, a := range c.events.Ask(ctx, text, silent) {
		var r nodeResult
		var result T
		if json.Unmarshal(a.Data, &r) != nil || r.Result == nil || json.Unmarshal(r.Result, &result) != nil {
			silent[a.Boot] = a.Node
			continue
		}
		out = append(out, result)
	}
	asked.Asked += len(out) + len(silent)
	asked.Answered += len(out)
	asked.Missing = slices.AppendSeq(asked.Missing, maps.Values(silent))
	slices.Sort(asked.Missing)
	return out, asked
}

// answerNode carries out what another node asks for: here alone.
func (b *backend) answerNode(ctx context.Context, data json.RawMessage) json.RawMessage {
	var q nodeRequest
	if json.Unmarshal(data, &q) != nil {
		return nil
	}
	var result any
	var err error
	switch q.Method {
	case api.MethodCount:
		var p api.CountParams
		if err = json.Unmarshal(q.Params, &p); err == nil {
			p.Cluster = false
			result, err = b.Count(ctx, p)
		}
	case api.MethodRooms:
		var p api.RoomsParams
		if err = json.Unmarshal(q.Params, &p); err == nil {
			p.Cluster, p.Limit = false, min(max(p.Limit, 1), gatherPage)
			result, err = b.Rooms(ctx, p)
		}
	case api.MethodClients:
		var p clientsQuestion
		if err = json.Unmarshal(q.Params, &p); err == nil {
			result, err = b.clientsOf(ctx, p)
		}
	case api.MethodStatus:
		result, err = b.Status(ctx, api.StatusParams{})
	case api.MethodKick:
		var p api.KickParams
		if err = json.Unmarshal(q.Params, &p); err == nil {
			result, err = b.kickHere(ctx, p)
		}
	default: // of a later release
		return encodeResult(nodeResult{})
	}
	if err != nil {
		b.log.Debug("a question of another node could not be answered", "method", q.Method, "err", err)
		return encodeResult(nodeResult{})
	}
	return encodeResult(nodeResult{encodeResult(result)})
}

func encodeResult(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return text
}

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
