package admin

import (
	"context"
	"encoding/json"
)

// method is one method of the JSON form. run returns a result to encode, or a [Delivery] to wait for.
type method struct {
	role Role // the least that may call it
	// sets says whether params change something, which is for administrators alone, instead of asking for it; nil: no
	// matter which params there are, role may give them.
	sets func(params json.RawMessage) bool
	// isList: the length of the result, or the work for it, is a matter of how many strangers there are.
	isList bool
	run    func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error)
}

// needs is the least role that may make the call.
func (m method) needs(params json.RawMessage) Role {
	if m.sets != nil && m.sets(params) {
		return RoleAdmin
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
	MethodHello: {role: RoleRead, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "", nil, func(struct{}) (Hello, error) {
			h, err := c.server.backend.Hello(ctx)
			h.Name, h.Protocol, h.Role = "hassesd", ProtocolVersion, c.role()
			return h, err
		})
	}},
	MethodAuth: {role: RoleNone, run: func(_ context.Context, c *conn, params json.RawMessage) (any, *Error) {
		p, e := decodeParams[AuthParams](params, "key")
		if e != nil {
			return nil, e
		}
		if e := faultOf("key", CheckKey(p.Key), "params: key"); e != nil {
			return nil, e
		}
		a, e := c.authorize(p.Key)
		if e != nil {
			return nil, e
		}
		return a, nil
	}},
	MethodStatus: {role: RoleRead, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "", nil, func(struct{}) (Status, error) {
			s, err := c.server.backend.Status(ctx)
			return s.WithoutNulls(), err
		})
	}},
	MethodClients: {role: RoleRead, isList: true, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "room, id, addr, sort, limit, cursor", checkClients, func(p ClientsParams) (clientsPage, error) {
			return listClients(ctx, c.server.backend, p)
		})
	}},
	MethodRooms: {role: RoleRead, isList: true, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "limit, prefix, sort, cursor", checkRooms, func(p RoomsParams) (roomsPage, error) {
			return listRooms(ctx, c.server.backend, p)
		})
	}},
	MethodCount: {role: RoleRead, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "room", checkCount, func(p CountParams) (Count, error) {
			return c.server.backend.Count(ctx, p)
		})
	}},
	MethodSend: {role: RolePublish, run: func(_ context.Context, c *conn, params json.RawMessage) (any, *Error) {
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
	MethodLogLevel: {role: RoleRead, sets: given(func(p LevelParams) bool { return p.Level != "" }), run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "level", checkLevel, func(p LevelParams) (Level, error) {
			level, err := c.server.backend.LogLevel(ctx, p.Level)
			return Level{Level: level}, err
		})
	}},
	MethodReinit: {role: RoleRead, sets: given(func(p ReinitParams) bool { return p.Enabled != nil }), run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "enabled", nil, func(p ReinitParams) (Reinit, error) {
			enabled, err := c.server.backend.Reinit(ctx, p.Enabled)
			return Reinit{Enabled: enabled}, err
		})
	}},
	MethodKick: {role: RoleAdmin, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "id, room, all, refuse_seconds", checkKick, func(p KickParams) (Kicked, error) {
			return c.server.backend.Kick(ctx, p)
		})
	}},
	MethodReload: {role: RoleAdmin, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "", nil, func(struct{}) (Reloaded, error) {
			r, err := c.server.backend.Reload(ctx)
			return r.WithoutNulls(), err
		})
	}},
	MethodDrain: {role: RoleAdmin, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "window_seconds", checkDrain, func(p DrainParams) (Drained, error) {
			return c.server.backend.Drain(ctx, p)
		})
	}},
	MethodCertificates: {role: RoleRead, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "", nil, func(struct{}) (Certificates, error) {
			list, err := c.server.backend.Certificates(ctx)
			return list.WithoutNulls(), err
		})
	}},
	MethodLimits: {role: RoleRead, isList: true, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "penalized", checkLimits, func(p LimitsParams) (Limits, error) {
			p.Penalized = min(p.Penalized, MaxPenalized)
			l, err := c.server.backend.Limits(ctx, p)
			return l.WithoutNulls(), err
		})
	}},
	MethodSandbox: {role: RoleRead, run: func(ctx context.Context, c *conn, params json.RawMessage) (any, *Error) {
		return run(params, "", nil, func(struct{}) (Sandbox, error) {
			s, err := c.server.backend.Sandbox(ctx)
			return s.WithoutNulls(), err
		})
	}},
}

// run decodes and checks the parameters of a method and calls it. fields names them, for the hint.
func run[P, R any](params json.RawMessage, fields string, check func(P) *Error, call func(P) (R, error)) (any, *Error) {
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
