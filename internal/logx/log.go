package logx

import (
	"bytes"
	"context"
	"errors"
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

// Options configure the log. Format and Level are required.
type Options struct {
	Format string // auto, text, json, classic
	Level  string // quiet, normal, debug

	Getenv func(string) string // for NO_COLOR, TERM and JOURNAL_STREAM; nil: os.Getenv
}

// Log controls a running logger. Its methods may be called from any goroutine.
type Log struct {
	level  *slog.LevelVar
	always *slog.Logger
	out    *output
	spool  *spool
}

// flushTimeout is how long [Log.Close] waits for the last records.
const flushTimeout = time.Second

// New returns a logger that writes to w. The caller closes w.
func New(w io.Writer, o Options) (*slog.Logger, *Log, error) {
	return build(&output{w: w}, o)
}

// Open returns a logger that appends to the file at path, which it creates if necessary.
func Open(path string, o Options) (*slog.Logger, *Log, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, nil, err
	}
	logger, l, err := build(&output{w: f, file: f, path: path}, o)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return logger, l, nil
}

// SetLevel changes the level, from the next record on.
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

// Always returns a logger that ignores the level, for lines that clients ask to log. If the log is
// slow, a record waits for room while the log makes progress, at most until its context ends. A
// stuck log costs [stuckAfter] once. So event loops must not use it. The format classic writes a
// record with the attribute [LineKey] as that line.
func (l *Log) Always() *slog.Logger { return l.always }

// Lost returns how many records could not be written so far, because the log was too slow or
// writing failed.
func (l *Log) Lost() uint64 { return l.spool.lostTotal() }

// Reopen opens the log file again by name, after a rotation. Earlier records go to the old file.
// After an error, the old file stays in use. If ctx ends because the log is stuck, the file is
// opened as soon as the log continues. Reopen does nothing for a logger that does not come from
// [Open].
func (l *Log) Reopen(ctx context.Context) error { return l.out.reopen(ctx, l.spool) }

// Chown gives the file of [Open] to the user that the daemon will switch to, who could otherwise
// not reopen it. It does nothing for a logger that does not come from [Open].
func (l *Log) Chown(uid, gid int) error { return l.out.chown(uid, gid) }

// Flush waits until all records are written, and reports whether that was before ctx ended.
func (l *Log) Flush(ctx context.Context) bool { return l.spool.flush(ctx) }

// Close writes waiting records, for at most a second, and closes the file of [Open]. Later records
// are lost.
func (l *Log) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	if !l.Flush(ctx) {
		return errors.New("the log is not written, and its last records are lost") // closing the file could block
	}
	return l.out.close()
}

func build(out *output, o Options) (*slog.Logger, *Log, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	level, err := parseLevel(o.Level)
	if err != nil {
		return nil, nil, err
	}
	v := &slog.LevelVar{}
	v.Set(level)
	s := &spool{limit: spoolBytes, chunk: out.chunk(), write: out.Write}
	h, err := newHandler(s, out.w, v, o)
	if err != nil {
		return nil, nil, err
	}
	all, err := newHandler(s, out.w, slog.LevelDebug, o)
	if err != nil {
		return nil, nil, err
	}
	if s.notice, err = newNotice(out.w, o); err != nil {
		return nil, nil, err
	}
	return slog.New(&cleaner{h}), &Log{level: v, always: slog.New(&patient{s, &cleaner{all}}), out: out, spool: s}, nil
}

// newNotice returns a function that formats the record about lost records.
func newNotice(w io.Writer, o Options) (func(lost uint64, at time.Time) []byte, error) {
	var b bytes.Buffer
	h, err := newHandler(&b, w, slog.LevelDebug, o)
	if err != nil {
		return nil, err
	}
	return func(lost uint64, at time.Time) []byte {
		b.Reset()
		r := slog.NewRecord(at, slog.LevelWarn, "log records were lost, as the log could not be written", 0)
		r.AddAttrs(slog.Uint64("records", lost))
		_ = h.Handle(context.Background(), r) // writing to memory does not fail
		return b.Bytes()
	}, nil
}

// patient is a handler that waits for room in the spool before it passes on a record.
type patient struct {
	spool *spool
	next  slog.Handler
}

func (p *patient) Enabled(ctx context.Context, level slog.Level) bool {
	return p.next.Enabled(ctx, level)
}

func (p *patient) Handle(ctx context.Context, r slog.Record) error {
	p.spool.awaitRoom(ctx)
	return p.next.Handle(ctx, r)
}

func (p *patient) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &patient{p.spool, p.next.WithAttrs(attrs)}
}

func (p *patient) WithGroup(name string) slog.Handler {
	return &patient{p.spool, p.next.WithGroup(name)}
}

// newHandler returns a handler of the configured format, which writes each record to out in one
// write. It inspects w, the final destination, but does not write to it.
func newHandler(out io.Writer, w io.Writer, level slog.Leveler, o Options) (slog.Handler, error) {
	options := &slog.HandlerOptions{Level: level}
	switch o.Format {
	case "json":
		return slog.NewJSONHandler(out, options), nil
	case "classic":
		return newClassicHandler(out, level), nil
	case "auto", "text":
	default:
		return nil, fmt.Errorf("log format %q is not one of auto, text, json, classic", o.Format)
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
	conn, err := f.SyscallConn() // f.Fd would change the mode of the descriptor
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

// isJournal reports whether w is the stream in JOURNAL_STREAM, which systemd has connected to the
// journal (systemd.exec(5)). The variable alone is not enough, because processes inherit it that
// write elsewhere.
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
