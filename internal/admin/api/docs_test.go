package api_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// TestEveryFieldIsDocumented holds docs/control-protocol.md against the results.
func TestEveryFieldIsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "control-protocol.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	seen := make(map[reflect.Type]bool)
	fields := 0
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		if kind := typ.Kind(); kind == reflect.Pointer || kind == reflect.Slice || kind == reflect.Map {
			visit(typ.Elem())
			return
		}
		if typ.Kind() != reflect.Struct || seen[typ] || typ.PkgPath() != reflect.TypeFor[api.Status]().PkgPath() {
			return
		}
		seen[typ] = true
		for field := range typ.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name != "" {
				fields++
				if !strings.Contains(page, `"`+name+`":`) && !strings.Contains(page, "`"+name+"`") {
					t.Errorf("%s of %s is not documented", name, typ)
				}
			}
			visit(field.Type)
		}
	}
	for _, result := range []any{
		api.Status{},
		api.Clients{},
		api.Rooms{},
		api.Count{},
		api.Nodes{},
		api.Certificates{},
		api.Limits{},
		api.Sandbox{},
		api.Sent{},
		api.Hello{},
		api.Authorized{},
		api.Kicked{},
		api.Level{},
		api.Reinit{},
		api.Reloaded{},
		api.Drained{},
	} {
		visit(reflect.TypeOf(result))
	}
	if fields < 100 {
		t.Errorf("only %d fields were found", fields)
	}
}
