package examples

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// buildManifests builds test/manifests, which has a module of its own.
var buildManifests = sync.OnceValues(func() (string, error) {
	dir, err := harness.Build("../manifests", "manifests", ".")
	return filepath.Join(dir, "manifests"), err
})

// readManifests reads files strictly, by the schema of what they are for, into v.
func readManifests(t *testing.T, v any, args ...string) {
	t.Helper()
	program, err := buildManifests()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, args...).Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("%q: %s", args, exit.Stderr)
		}
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, v); err != nil {
		t.Fatal(err)
	}
}

// TestManifestsAreReadStrictly proves that a mistake would be found.
func TestManifestsAreReadStrictly(t *testing.T) {
	t.Parallel()
	program, err := buildManifests()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, tc := range map[string]struct{ kind, text string }{
		"an unknown field":             {"kubernetes", "apiVersion: v1\nkind: Service\nmetadata: { name: x }\nspec: { prots: [] }\n"},
		"a field of the wrong type":    {"kubernetes", "apiVersion: v1\nkind: Service\nmetadata: { name: x }\nspec: { ports: 8 }\n"},
		"a field that is there twice":  {"kubernetes", "apiVersion: v1\nkind: Service\nmetadata: { name: x }\nspec: {}\nspec: {}\n"},
		"an unknown kind":              {"kubernetes", "apiVersion: v1\nkind: Serivce\nmetadata: { name: x }\n"},
		"an unknown field in services": {"compose", "name: x\nservices: { a: { image: b, read_olny: true } }\n"},
		"a volume that is not there":   {"compose", "name: x\nservices: { a: { image: b, volumes: ['state:/x'] } }\n"},
	} {
		path := filepath.Join(dir, "x.yaml")
		harness.WriteFile(t, path, []byte(tc.text))
		if out, err := exec.CommandContext(t.Context(), program, tc.kind, path).CombinedOutput(); err == nil {
			t.Errorf("%s is taken: %s", name, out)
		}
	}
}
