package terminaltest

import (
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpen(t *testing.T) {
	screen, tty := Open(t)
	const text = "a\nb\r\n\x1b[31m\x00\xffc\n"
	if _, err := tty.WriteString(text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(screen, got); err != nil || string(got) != text {
		t.Errorf("the screen shows %q, %v, want %q", got, err, text)
	}
	if _, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS); err != nil {
		t.Errorf("it is no terminal: %v", err)
	}

	other, _ := Open(t)
	if other.Fd() == screen.Fd() {
		t.Error("two terminals are one")
	}
	if err := tty.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := screen.Read(got); err == nil {
		t.Errorf("read %q of a terminal that nobody has open any more", got[:n])
	}
}
