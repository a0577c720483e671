package jsonrpc

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// Method is one method of the protocol. A C is what it is called on: the connection that the
// request came by.
type Method[C any] struct {
	Name string
	// IsList: how long the result is, or how much work it takes, depends on how many clients there
	// are.
	IsList bool

	role     api.Role
	isChange func(params json.RawMessage) bool
	run      func(ctx context.Context, c C, params json.RawMessage) (any, *api.Error)
}

// Needs returns the least role that may make the call. A change needs an administrator where others
// may only ask.
func (m *Method[C]) Needs(params json.RawMessage) api.Role {
	if m.isChange(params) {
		return api.RoleAdmin
	}
	return m.role
}

// IsRestricted reports whether these params need a greater role than the method does without
// params.
func (m *Method[C]) IsRestricted(params json.RawMessage) bool { return m.Needs(params) != m.role }

// Run decodes and checks params, makes the call and returns its result.
func (m *Method[C]) Run(ctx context.Context, c C, params json.RawMessage) (any, *api.Error) {
	return m.run(ctx, c, params)
}

// New returns the method of that name for callers of at least that role. A P with a Check method is
// checked with it. If P has an IsChange method, a call for which it reports true is for
// administrators. The lists and maps of a result with a WithoutNulls method are never null.
func New[C, P, R any](name string, role api.Role, call func(ctx context.Context, c C, params P) (R, error)) Method[C] {
	return Method[C]{
		Name: name,
		role: role,
		isChange: func(params json.RawMessage) bool {
			var p any = *new(P)
			if _, ok := p.(interface{ IsChange() bool }); !ok {
				return false
			}
			p, e := decodeParams[P](params)
			change, ok := p.(interface{ IsChange() bool })
			return e == nil && ok && change.IsChange() // Run refuses what cannot be decoded
		},
		run: func(ctx context.Context, c C, params json.RawMessage) (any, *api.Error) {
			p, e := decodeParams[P](params)
			if e != nil {
				return nil, e
			}
			if checked, ok := any(p).(interface{ Check() *api.Error }); ok {
				if e := checked.Check(); e != nil {
					return nil, e
				}
			}
			result, err := call(ctx, c, p)
			if err != nil {
				return nil, api.AsError(err)
			}
			if r, ok := any(result).(interface{ WithoutNulls() R }); ok {
				return r.WithoutNulls(), nil
			}
			return result, nil
		},
	}
}

// NewList is [New] for a method with IsList.
func NewList[C, P, R any](name string, role api.Role, call func(ctx context.Context, c C, params P) (R, error)) Method[C] {
	m := New(name, role, call)
	m.IsList = true
	return m
}

// Table holds methods by name.
type Table[C any] struct {
	methods map[string]*Method[C]
	names   []string
}

// NewTable returns a Table of the methods.
func NewTable[C any](methods ...Method[C]) Table[C] {
	t := Table[C]{methods: make(map[string]*Method[C], len(methods))}
	for i := range methods {
		t.methods[methods[i].Name] = &methods[i]
		t.names = append(t.names, methods[i].Name)
	}
	return t
}

// Find returns the method of that name, or an error that names all.
func (t Table[C]) Find(name string) (*Method[C], *api.Error) {
	m, ok := t.methods[name]
	if !ok {
		return nil, &api.Error{Code: api.CodeMethodNotFound, Message: "there is no method of this name", Hint: strings.Join(t.names, ", ")}
	}
	return m, nil
}
