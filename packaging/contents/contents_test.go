package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

func programs() []*buildinfo.BuildInfo {
	a := &debug.Module{Path: "example.org/a", Version: "v1.0.0", Sum: "h1:a="}
	b := &debug.Module{Path: "example.org/b", Version: "v2.0.0"}
	old := &debug.Module{Path: "example.org/c", Version: "v0.1.0", Replace: b}
	main := debug.Module{Path: "example.org/main"}
	return []*buildinfo.BuildInfo{
		{GoVersion: "go1.26.8", Path: "example.org/main/cmd/x", Main: main, Deps: []*debug.Module{b, a}, Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}}},
		{GoVersion: "go1.26.8", Path: "example.org/main/cmd/y", Main: main, Deps: []*debug.Module{a, old}},
	}
}

func TestModules(t *testing.T) {
	var got []string
	for _, m := range modules(programs()) {
		got = append(got, m.Path+"@"+m.Version)
	}
	if want := []string{"example.org/a@v1.0.0", "example.org/b@v2.0.0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSBOM(t *testing.T) {
	write := func(at int64) (string, map[string]any) {
		t.Helper()
		var out bytes.Buffer
		if err := writeSBOM(&out, "1.2.3", time.Unix(at, 0).UTC(), programs(), []*debug.Module{{Path: "example.org/roots", Version: "v3.0.0"}}); err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		return out.String(), doc
	}
	text, doc := write(0)
	if again, _ := write(0); again != text {
		t.Error("the same programs give another text")
	}
	if _, other := write(1); other["serialNumber"] == doc["serialNumber"] {
		t.Error("another document has the same serial number")
	}
	if doc["bomFormat"] != "CycloneDX" || doc["specVersion"] != "1.5" {
		t.Errorf("%v", doc)
	}
	var refs []string
	for _, c := range doc["components"].([]any) {
		refs = append(refs, c.(map[string]any)["bom-ref"].(string))
	}
	if want := []string{"pkg:golang/std@1.26.8", "pkg:golang/example.org/a@v1.0.0", "pkg:golang/example.org/b@v2.0.0", "pkg:golang/example.org/roots@v3.0.0"}; !slices.Equal(refs, want) {
		t.Errorf("components %q, want %q", refs, want)
	}
	depends := make(map[string]any)
	for _, d := range doc["dependencies"].([]any) {
		depends[d.(map[string]any)["ref"].(string)] = d.(map[string]any)["dependsOn"]
	}
	if got, want := depends["pkg:golang/example.org/main@1.2.3#cmd/x"], []any{refs[0], refs[1], refs[2]}; !reflect.DeepEqual(got, want) {
		t.Errorf("x depends on %v, want %v", got, want)
	}
	if got := depends["pkg:golang/example.org/main@1.2.3"].([]any); !slices.Contains(got, any(refs[3])) {
		t.Errorf("what is shipped depends on %v, want %s among it", got, refs[3])
	}
	if !strings.Contains(text, `"go:sum"`) || !strings.Contains(text, `"value": "h1:a="`) {
		t.Error("the hash of a module is missing")
	}
}

func TestCopyright(t *testing.T) {
	dirs := map[string]string{"std": t.TempDir(), "example.org/a": t.TempDir(), "example.org/b": t.TempDir()}
	for name, text := range map[string]string{
		filepath.Join(dirs["std"], "LICENSE"):                  "terms of Go",
		filepath.Join(dirs["std"], "PATENTS"):                  "patents of Go",
		filepath.Join(dirs["example.org/a"], "LICENSE.md"):     "terms of a",
		filepath.Join(dirs["example.org/b"], "copying.txt"):    "terms of b",
		filepath.Join(dirs["example.org/b"], "licensing.go"):   "package licensing",
		filepath.Join(dirs["example.org/b"], "LICENSE_TEST.x"): "no terms",
	} {
		if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dirOf := func(module string) (string, error) {
		if dir := dirs[module]; dir != "" {
			return dir, nil
		}
		return "", errors.New("not there")
	}
	var out bytes.Buffer
	if err := writeCopyright(&out, []byte("our terms\n"), modules(programs()), dirOf); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"our terms", "terms of Go", "patents of Go", "example.org/a v1.0.0\n----", "terms of a", "terms of b"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.Contains(out.String(), "no terms") || strings.Contains(out.String(), "package licensing") {
		t.Error("a file that states no terms was taken")
	}

	dirs["example.org/a"] = t.TempDir()
	if err := writeCopyright(&out, nil, modules(programs()), dirOf); err == nil || !strings.Contains(err.Error(), "example.org/a has no licence") {
		t.Errorf("a module without terms: %v", err)
	}
}

func TestOnlyGoodArguments(t *testing.T) {
	for _, args := range [][]string{nil, {"sbom"}, {"sbom", "1", "x", os.Args[0]}, {"copyright", "LICENSE"}, {"sbom", "1", "0", "/etc/passwd"}, {"else", "a", "b", "c"}, {"sbom", "1", "0", os.Args[0], "--with", "example.org/none"}} {
		if err := run(args, &bytes.Buffer{}); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}
