package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func defaultsFile(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteDefaults(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWriteDefaultsGolden(t *testing.T) {
	compareGolden(t, filepath.Join("testdata", "defaults.toml"), defaultsFile(t))
}

func TestWrittenDefaultsReadBack(t *testing.T) {
	l := loader{settings: Settings{}, origins: map[string]origin{}, broken: map[string]bool{}}
	l.begin(layerFile)
	l.readTOML("f", []byte(defaultsFile(t)))
	if len(l.problems) > 0 {
		t.Fatalf("%v", &Errors{l.problems})
	}
	if want := Defaults(); !reflect.DeepEqual(l.settings, want) {
		t.Errorf("got  %+v\nwant %+v", l.settings, want)
	}
	for _, k := range Keys() {
		if l.origins[k.Name].layer != layerFile {
			t.Errorf("%s is not in the file", k.Name)
		}
	}
}

func TestWrittenDefaultsStartInDevelopmentMode(t *testing.T) {
	disk := files{"f": defaultsFile(t)}
	s := mustLoad(t, Sources{ConfigFile: "f", Flags: flags("--dev"), ReadFile: disk.read})
	s.sources = nil // see TestSource
	if want := development(); !reflect.DeepEqual(s, want) {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
}

func TestWrittenDefaultsFitAScreen(t *testing.T) {
	for i, line := range strings.Split(defaultsFile(t), "\n") {
		if len(line) > commentWidth {
			t.Errorf("line %d is longer than %d: %s", i+1, commentWidth, line)
		}
	}
}

func TestWriteDefaultsReportsAFullDisk(t *testing.T) {
	if err := WriteDefaults(fullDisk{}); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

var errFull = errors.New("disk full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is out of date; look at the difference and run go test ./internal/config -update\ngot:\n%s", path, got)
	}
}
