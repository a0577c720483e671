package state

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestADirectoryIsUsedByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	first, err := Prepare(path, Self(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() (*Dir, error){
		"Prepare": func() (*Dir, error) { return Prepare(path, Self(), nil, nil) },
		"Use":     func() (*Dir, error) { return Use(path, Self()) },
	} {
		if d, err := open(); !errors.Is(err, ErrInUse) {
			t.Errorf("%s while it is used: %v, %v", name, d, err)
		}
	}
	if err := Check(path, Self(), false, nil, nil); err != nil {
		t.Errorf("it cannot be checked while it is used: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Use(path, Self())
	if err != nil {
		t.Fatalf("after its end: %v", err)
	}
	_ = second.Close()
}

func TestALockThatCannotBeOpenedStopsNobody(t *testing.T) {
	path := t.TempDir()
	if err := os.Chmod(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere", filepath.Join(path, lockFile)); err != nil {
		t.Fatal(err)
	}
	d, err := Use(path, Self())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
