package daemon

import (
	"context"
	"encoding/json"

	"github.com/hassesd/hassesd/internal/admin/api"
)

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
			p.Limit = min(max(p.Limit, 1), gatherPage)
			result, err = b.ownRooms(ctx, p)
		}
	case api.MethodClients:
		var p clientsQuestion
		if err = json.Unmarshal(q.Params, &p); err == nil {
			result, err = b.clientsOf(ctx, p)
		}
	case api.MethodStatus:
		result = b.ownStatus()
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
