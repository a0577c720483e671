package config

import (
	"errors"
	"flag"
	"io/fs"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files and generated documentation anew")

// validate returns an *Errors with everything wrong with the settings, or nil.
func validate(s Settings) error {
	if problems := check(&s); len(problems) > 0 {
		return &Errors{List: problems}
	}
	return nil
}

// files is a file system for Sources.ReadFile.
type files map[string]string

func (f files) read(path string) ([]byte, error) {
	text, ok := f[path]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

// enough is the least that a start outside development mode needs.
var enough = []Assignment{{"auth", "none"}, {"cert-file", "c.pem"}, {"key-file", "k.pem"}}

// flags splits a command line without values that contain spaces.
func flags(line string) []Assignment {
	var list []Assignment
	for word := range strings.FieldsSeq(line) {
		name, value, ok := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !ok {
			value = "true"
		}
		list = append(list, Assignment{name, value})
	}
	return list
}

func mustLoad(t *testing.T, in Sources) Settings {
	t.Helper()
	s, err := Load(in)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return s
}

// loadErrors returns the lines of the complaint.
func loadErrors(t *testing.T, in Sources) []string {
	t.Helper()
	s, err := Load(in)
	if err == nil {
		t.Fatalf("Load accepted %+v", s)
	}
	var all *Errors
	if !errors.As(err, &all) || len(all.List) == 0 {
		t.Fatalf("Load returned a %T, not an *Errors with a list", err)
	}
	return strings.Split(err.Error(), "\n")
}

// wantErrors compares complaints with the beginnings of those that are wanted, one to one.
func wantErrors(t *testing.T, got []string, want ...string) {
	t.Helper()
	for i, w := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], w) {
			t.Errorf("complaints are\n%s\nwant, each by its beginning,\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("complaints are\n%s\nwant only %d", strings.Join(got, "\n"), len(want))
	}
}

// loadAnything loads what a fuzzer made up: what is accepted must be fit for a start.
func loadAnything(t *testing.T, in Sources) {
	t.Helper()
	s, err := Load(in)
	if err != nil {
		return
	}
	if err := validate(s); err != nil {
		t.Errorf("accepted settings do not validate: %v", err)
	}
	s.Listeners()
	s.Control.UnixPermissions()
	s.Control.FIFOPermissions()
}
