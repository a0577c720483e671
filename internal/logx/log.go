package logx

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/lmittmann/tint"
	"golang.org/x/sys/unix"
)

// Options says how the log looks. The zero value is not valid: format and level must be named.
type Options struct {
	Format string // auto, text, json
	Level  string // quiet, normal, debug

	Getenv func(string) string // for NO_COLOR, TERM and JOURNAL_STREAM; nil: os.Getenv
}

// Log is the handle of a running logger. Its methods may be called from any goroutine.
type Log struct {
	level  *slog.LevelVar
	always *slog.Logger
	out    *output
}

// New returns a logger that writes to w, which stays the caller's to close.
func New(w io.Writer, o Options) (*slog.Logger, *Log, error) {
	return build(&output{w: w}, w, o)
}

// Open returns a logger that appends to the file at path, and makes it when there is none.
func Open(path string, o Options) (*slog.Logger, *Log, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, nil, err
	}
	logger, l, err := build(&output{w: f, file: f, path: path}, f, o)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return logger, l, nil
}

// SetLevel changes how much is logged, from the next message on.
func (l *Log) SetLevel(name string) error {
	level, err := parseLevel(name)
	if err != nil {
		return err
	}
	l.level.Set(level)
	return nil
}

// Level returns quiet, normal or debug.
func (l *Log) Level() string { return levelName(l.level.Level()) }

// Always returns a logger to the same place that no level silences, for what somebody has asked to be logged.
func (l *Log) Always() *slog.Logger { return l.always }

// Reopen opens the log file anew by its name, after a rotation. On an error the old file stays in use. It
// does nothing for a logger that was not made by [Open].
func (l *Log) Reopen() error { return l.out.reopen() }

// Chown gives the file of [Open] to the user the daemon is about to become, who could not open it anew
// otherwise. It does nothing for a logger that was not made by [Open].
func (l *Log) Chown(uid, gid int) error { return l.out.chown(uid, gid) }

// Close closes the file of [Open]. What is logged afterwards is lost.
func (l *Log) Close() error { return l.out.close() }

func build(out *output, w io.Writer, o Options) (*slog.Logger, *Log, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	level, err := parseLevel(o.Level)
	if err != nil {
		return nil, nil, err
	}
	v := &slog.LevelVar{}
	v.Set(level)
	h, err := newHandler(out, w, v, o)
	if err != nil {
		return nil, nil, err
	}
	all, err := newHandler(out, w, slog.LevelDebug, o)
	if err != nil {
		return nil, nil, err
	}
	return slog.New(&cleaner{h}), &Log{level: v, always: slog.New(&cleaner{all}), out: out}, nil
}

// newHandler chooses the format. w is what out writes to, to be looked at only.
func newHandler(out io.Writer, w io.Writer, level slog.Leveler, o Options) (slog.Handler, error) {
	options := &slog.HandlerOptions{Level: level}
	switch o.Format {
	case "json":
		return slog.NewJSONHandler(out, options), nil
	case "auto", "text":
	default:
		return nil, fmt.Errorf("log format %q is not one of auto, text, json", o.Format)
	}
	if isJournal(w, o.Getenv("JOURNAL_STREAM")) {
		return newJournalHandler(out, level), nil
	}
	if o.Format == "auto" && isTerminal(w) {
		return tint.NewTextHandler(out, &tint.Options{
			Level:      level,
			TimeFormat: time.TimeOnly,
			NoColor:    o.Getenv("NO_COLOR") != "" || o.Getenv("TERM") == "dumb",
		}), nil
	}
	return slog.NewTextHandler(out, options), nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	conn, err := f.SyscallConn() // not f.Fd, which changes the mode of the descriptor
	if err != nil {
		return false
	}
	terminal := false
	err = conn.Control(func(fd uintptr) {
		_, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		terminal = err == nil
	})
	return terminal && err == nil
}

// isJournal reports whether w is the very stream that systemd connected to the journal and named in
// JOURNAL_STREAM (systemd.exec(5)): the variable alone is inherited by children that write elsewhere.
func isJournal(w io.Writer, stream string) bool {
	f, ok := w.(*os.File)
	if !ok || stream == "" {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	device, inode, _ := strings.Cut(stream, ":")
	return device == strconv.FormatUint(st.Dev, 10) && inode == strconv.FormatUint(st.Ino, 10)
}
