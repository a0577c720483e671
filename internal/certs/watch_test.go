package certs

import (
	"os"
	"testing"
)

func TestWatch(t *testing.T) {
	file := write(t, t.TempDir(), "file", []byte("a"))
	w := NewWatch(file, "")
	want := func(when string, isFailing, want bool) {
		t.Helper()
		if got := w.Look(isFailing); got != want {
			t.Errorf("%s: read %v, want %v", when, got, want)
		}
	}
	want("nothing has happened", false, false)
	want("reading it has failed before", true, true)
	if err := os.WriteFile(file, []byte("bb"), 0o600); err != nil {
		t.Fatal(err)
	}
	if w.IsUnchanged() {
		t.Error("it is said to be unchanged")
	}
	want("it was only just written", true, false)
	want("it rests", false, true)
	want("and nobody has read it", false, true)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	want("it was removed", false, false)
	want("it is still gone", false, true)
}

func TestAFileThatBecomesReadableIsSeen(t *testing.T) {
	s := newSite(t)
	w := s.files[0].watch()
	if err := os.Chmod(s.path("key.pem"), 0); err != nil {
		t.Fatal(err)
	}
	if w.IsUnchanged() {
		t.Error("another mode leaves no mark")
	}
}

func TestALinkThatIsTurnedAroundIsSeen(t *testing.T) {
	s := newSite(t)
	live := s.path("live")
	if err := os.Symlink(s.path("cert.pem"), live); err != nil {
		t.Fatal(err)
	}
	w := NewWatch(live, s.path("key.pem"))
	write(t, s.dir, "other.pem", []byte("x"))
	os.Remove(live)
	if err := os.Symlink(s.path("other.pem"), live); err != nil {
		t.Fatal(err)
	}
	if w.IsUnchanged() {
		t.Error("a link to another file leaves no mark")
	}
}
