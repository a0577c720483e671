package jsonrpc

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// recorder is what the methods of these tests are called on.
type recorder struct{ calls []any }

var table = NewTable(
	New("reinit", api.RoleRead, func(_ context.Context, r *recorder, p api.ReinitParams) (api.Reinit, error) {
		r.calls = append(r.calls, p)
		return api.Reinit{Enabled: p.Enabled != nil && *p.Enabled}, nil
	}),
	New("count", api.RoleRead, func(_ context.Context, r *recorder, p api.CountParams) (api.Count, error) {
		r.calls = append(r.calls, p)
		return api.Count{}, context.DeadlineExceeded
	}),
	NewList("limits", api.RolePublish, func(context.Context, *recorder, struct{}) (api.Limits, error) {
		return api.Limits{}, nil
	}),
)

func TestAMethodRuns(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	m, e := table.Find("reinit")
	if e != nil {
		t.Fatal(e)
	}
	got, e := m.Run(t.Context(), r, json.RawMessage(`{"enabled":true}`))
	if e != nil || got != (api.Reinit{Enabled: true}) || len(r.calls) != 1 {
		t.Errorf("got %v, %v after %d calls", got, e, len(r.calls))
	}
}

func TestAChangeNeedsAnAdministrator(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		method, params string
		want           api.Role
	}{
		{"reinit", ``, api.RoleRead},
		{"reinit", `{}`, api.RoleRead},
		{"reinit", `{"enabled":false}`, api.RoleAdmin},
		{"reinit", `{"enabled":7}`, api.RoleRead}, // Run refuses it
		{"count", `{"room":"a"}`, api.RoleRead},
		{"limits", ``, api.RolePublish},
	} {
		m, e := table.Find(tt.method)
		if e != nil {
			t.Fatal(e)
		}
		got := m.Needs(json.RawMessage(tt.params))
		if got != tt.want || m.IsRestricted(json.RawMessage(tt.params)) != (tt.want == api.RoleAdmin) {
			t.Errorf("%s %s needs %s, want %s", tt.method, tt.params, got, tt.want)
		}
	}
}

func TestBadParamsAreNotRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ method, params, message, hint string }{
		{"reinit", `[true]`, "invalid params: they must be an object", "params: enabled"},
		{"reinit", `{"enabled":7}`, "invalid params: enabled: want true or false, got number", "params: enabled"},
		{"reinit", `{"on":true}`, `invalid params: unknown field "on"`, "params: enabled"},
		{"count", `{"room":"a*"}`, "invalid params: room: contains '*', which no room's name may have at byte 2", "room: the name of one room"},
		{"limits", `{"x":1}`, `invalid params: unknown field "x"`, "this method takes no params"},
	} {
		r := &recorder{}
		m, e := table.Find(tt.method)
		if e != nil {
			t.Fatal(e)
		}
		_, e = m.Run(t.Context(), r, json.RawMessage(tt.params))
		if e == nil || e.Code != api.CodeInvalidParams || e.Message != tt.message || e.Hint != tt.hint || len(r.calls) > 0 {
			t.Errorf("%s %s: %+v after %d calls, want %q and the hint %q", tt.method, tt.params, e, len(r.calls), tt.message, tt.hint)
		}
	}
}

func TestFailuresAreAnswers(t *testing.T) {
	t.Parallel()
	m, _ := table.Find("count")
	if _, e := m.Run(t.Context(), &recorder{}, nil); !errors.Is(e, api.ErrOverloaded) {
		t.Errorf("a call out of time: %v", e)
	}
	if _, e := table.Find("nonsense"); e == nil || e.Code != api.CodeMethodNotFound || e.Hint != "reinit, count, limits" {
		t.Errorf("an unknown method: %+v", e)
	}
}

func TestListsAreNeverNull(t *testing.T) {
	t.Parallel()
	m, _ := table.Find("limits")
	got, e := m.Run(t.Context(), &recorder{}, nil)
	if e != nil || !m.IsList || !reflect.DeepEqual(got, api.Limits{}.WithoutNulls()) {
		t.Errorf("got %+v, %v", got, e)
	}
}
