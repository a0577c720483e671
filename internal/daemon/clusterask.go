package daemon

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/eventlog/jetstream"
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
