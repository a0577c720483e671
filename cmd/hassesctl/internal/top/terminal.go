package top

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// terminal is the one that hassesctl was started on.
type terminal struct {
	in, out *os.File
	before  *unix.Termios // its modes before enter; nil: they are in effect
}

var errNoTerminal = errors.New("top needs a terminal that can move its cursor")

// openTerminal returns the terminal of standard input and output. kind is TERM.
func openTerminal(in io.Reader, out io.Writer, kind string) (*terminal, error) {
	inFile, isFile := in.(*os.File)
	outFile, isFileToo := out.(*os.File)
	if !isFile || !isFileToo || kind == "" || kind == "dumb" {
		return nil, errNoTerminal
	}
	t := &terminal{in: inFile, out: outFile}
	for _, f := range []*os.File{inFile, outFile} {
		if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
			return nil, errNoTerminal
		}
	}
	return t, nil
}

const (
	// enterScreen switches to the alternate screen, hides the cursor and turns off line wrapping.
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
	// leaveScreen undoes enterScreen, and any colour.
	leaveScreen = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// enter takes over the terminal: keys arrive at once and are not echoed, not even Ctrl-C. The modes
// of output stay, so that whatever else is printed looks as always.
func (t *terminal) enter() error {
	before, err := unix.IoctlGetTermios(int(t.in.Fd()), unix.TCGETS)
	if err != nil {
		return fmt.Errorf("read the modes of the terminal: %w", err)
	}
	modes := *before
	modes.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG | unix.IEXTEN
	modes.Iflag &^= unix.IXON | unix.ICRNL // Ctrl-S must not stop the output for good
	modes.Cc[unix.VMIN], modes.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETS, &modes); err != nil {
		return fmt.Errorf("set the modes of the terminal: %w", err)
	}
	t.before = before
	_, err = t.out.WriteString(enterScreen)
	return err
}

// leave restores what enter found. It may be called at any time.
func (t *terminal) leave() {
	if t.before == nil {
		return
	}
	_, _ = t.out.WriteString(leaveScreen) // a terminal that is gone needs no restoring
	_ = unix.IoctlSetTermios(int(t.in.Fd()), unix.TCSETS, t.before)
	t.before = nil
}

// size returns the columns and lines of the terminal. One that does not know them has 80 by 24.
func (t *terminal) size() (columns, lines int) {
	size, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 || size.Row == 0 {
		return 80, 24
	}
	return int(size.Col), int(size.Row)
}

// keyboard passes on the keys of a terminal until it is closed.
type keyboard struct {
	keys chan key
	stop *os.File // closing it ends the goroutine, which then closes keys
}

// newKeyboard starts to read. A goroutine that waits in read could not be ended, so it waits in
// poll, for the terminal and for the end.
func newKeyboard(in *os.File) (*keyboard, error) {
	end, stop, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("read the keyboard: %w", err)
	}
	k := &keyboard{keys: make(chan key), stop: stop}
	go k.read(in, end)
	return k, nil
}

func (k *keyboard) close() {
	k.stop.Close()
	for range k.keys { // one may be on its way
	}
}

func (k *keyboard) read(in, end *os.File) {
	defer close(k.keys)
	defer end.Close()
	fd := int(in.Fd())
	var p keyParser
	buf := make([]byte, 256)
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(end.Fd()), Events: unix.POLLIN}}
		wait := -1
		if p.isWaiting() {
			wait = escapeWait
		}
		n, err := unix.Poll(fds, wait)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || fds[1].Revents != 0:
			return
		case n == 0:
			k.send(p.timeout())
			continue
		}
		got, err := unix.Read(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil || got == 0: // the terminal is gone
			k.send([]key{{kind: keyQuit}})
			return
		}
		k.send(p.feed(buf[:got]))
	}
}

func (k *keyboard) send(keys []key) {
	for _, one := range keys {
		k.keys <- one
	}
}
