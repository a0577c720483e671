package admin

import (
	"context"
	"encoding/json"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// method is one method of the JSON form. run returns a result to encode, or a [Delivery] to wait for.
type method struct {
	role api.Role // the least that may call it
	// sets says whether params change something, which is for administrators alone, instead of asking for it; nil: no
	// matter which params there are, role may give them.
	sets func(params json.RawMessage) bool
	// isList: the length of the result, or the work for it, is a matter of how many strangers there are.
	isList bool
	run    func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error)
}

// needs is the least role that may make the call.
func (m method) needs(params json.RawMessage) api.Role {
	if m.sets != nil && m.sets(params) {
		return api.RoleAdmin
	}
	return m.role
}

// given makes method.sets of a question about decoded parameters. Wrong ones set nothing: run will refuse them.
func given[P any](sets func(P) bool) func(json.RawMessage) bool {
	return func(params json.RawMessage) bool {
		p, e := decodeParams[P](params, "")
		return e == nil && sets(p)
	}
}

// methodNames is the hint for those who ask for another.
const methodNames = "auth, hello, status, clients, rooms, count, send, loglevel, reinit, kick, reload, drain, certificates, limits, sandbox"

var methods = map[string]method{
	api.MethodHello: {role: api.RoleRead, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "", nil, func(struct{}) (api.Hello, error) {
			h, err := c.server.backend.Hello(ctx)
			h.Name, h.Protocol, h.Role = "hassesd", api.ProtocolVersion, c.role()
			return h, err
		})
	}},
	api.MethodAuth: {role: api.RoleNone, run: func(_ context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		p, e := decodeParams[api.AuthParams](params, "key")
		if e != nil {
			return nil, e
		}
		if e := faultOf("key", api.CheckKey(p.Key), "params: key"); e != nil {
			return nil, e
		}
		a, e := c.authorize(p.Key)
		if e != nil {
			return nil, e
		}
		return a, nil
	}},
	api.MethodStatus: {role: api.RoleRead, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "", nil, func(struct{}) (api.Status, error) {
			s, err := c.server.backend.Status(ctx)
			return s.WithoutNulls(), err
		})
	}},
	api.MethodClients: {role: api.RoleRead, isList: true, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "room, id, addr, sort, limit, cursor", checkClients, func(p api.ClientsParams) (clientsPage, error) {
			return listClients(ctx, c.server.backend, p)
		})
	}},
	api.MethodRooms: {role: api.RoleRead, isList: true, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "limit, prefix, sort, cursor", checkRooms, func(p api.RoomsParams) (roomsPage, error) {
			return listRooms(ctx, c.server.backend, p)
		})
	}},
	api.MethodCount: {role: api.RoleRead, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "room", checkCount, func(p api.CountParams) (api.Count, error) {
			return c.server.backend.Count(ctx, p)
		})
	}},
	api.MethodSend: {role: api.RolePublish, run: func(_ context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		p, e := decodeSend(params)
		if e != nil {
			return nil, e
		}
		d, e := c.publish(p)
		if e != nil {
			return nil, e
		}
		return d, nil
	}},
	api.MethodLogLevel: {role: api.RoleRead, sets: given(func(p api.LevelParams) bool { return p.Level != "" }), run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "level", checkLevel, func(p api.LevelParams) (api.Level, error) {
			level, err := c.server.backend.LogLevel(ctx, p.Level)
			return api.Level{Level: level}, err
		})
	}},
	api.MethodReinit: {role: api.RoleRead, sets: given(func(p api.ReinitParams) bool { return p.Enabled != nil }), run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "enabled", nil, func(p api.ReinitParams) (api.Reinit, error) {
			enabled, err := c.server.backend.Reinit(ctx, p.Enabled)
			return api.Reinit{Enabled: enabled}, err
		})
	}},
	api.MethodKick: {role: api.RoleAdmin, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "id, room, all, refuse_seconds", checkKick, func(p api.KickParams) (api.Kicked, error) {
			return c.server.backend.Kick(ctx, p)
		})
	}},
	api.MethodReload: {role: api.RoleAdmin, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "", nil, func(struct{}) (api.Reloaded, error) {
			r, err := c.server.backend.Reload(ctx)
			return r.WithoutNulls(), err
		})
	}},
	api.MethodDrain: {role: api.RoleAdmin, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "window_seconds", checkDrain, func(p api.DrainParams) (api.Drained, error) {
			return c.server.backend.Drain(ctx, p)
		})
	}},
	api.MethodCertificates: {role: api.RoleRead, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "", nil, func(struct{}) (api.Certificates, error) {
			list, err := c.server.backend.Certificates(ctx)
			return list.WithoutNulls(), err
		})
	}},
	api.MethodLimits: {role: api.RoleRead, isList: true, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "penalized", checkLimits, func(p api.LimitsParams) (api.Limits, error) {
			p.Penalized = min(p.Penalized, api.MaxPenalized)
			l, err := c.server.backend.Limits(ctx, p)
			return l.WithoutNulls(), err
		})
	}},
	api.MethodSandbox: {role: api.RoleRead, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *api.Error) {
		return run(params, "", nil, func(struct{}) (api.Sandbox, error) {
			s, err := c.server.backend.Sandbox(ctx)
			return s.WithoutNulls(), err
		})
	}},
}

// run decodes and checks the parameters of a method and calls it. fields names them, for the hint.
func run[P, R any](params json.RawMessage, fields string, check func(P) *api.Error, call func(P) (R, error)) (any, *api.Error) {
	p, e := decodeParams[P](params, fields)
	if e != nil {
		return nil, e
	}
	if check != nil {
		if e := check(p); e != nil {
			return nil, e
		}
	}
	result, err := call(p)
	if err != nil {
		return nil, asError(err)
	}
	return result, nil
}
