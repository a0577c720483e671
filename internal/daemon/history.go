package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/histfile"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/idempotency"
	"github.com/hassesd/hassesd/internal/state"
	"github.com/hassesd/hassesd/internal/supervise"
)

const (
	// loadTimeout bounds the reading of a history at the start; 64 MiB take a quarter of a second.
	loadTimeout = time.Minute
	// startExtension is how much time the daemon asks the service manager for before that:
	// loadTimeout, and what TimeoutStartSec= of our units grants a whole start.
	startExtension = loadTimeout + time.Minute
	// keepTimeout bounds the writing of a history at the end; 64 MiB take half a second.
	// syncTimeout is what a system call that is under way then may take beyond it.
	keepTimeout = 20 * time.Second
	syncTimeout = 2 * time.Second
	// removeTimeout bounds the removal of the file at the start.
	removeTimeout = 20 * time.Second
)

var errTooSlow = errors.New("the disk is too slow for a history of this size")

// history keeps the history of messages over a restart. Its file exists only between the end of one
// daemon and the start of the next, and only if it is complete: a start removes it before the first
// message is published, so that no crash can leave a file whose numbers are given a second time.
type history struct {
	log     *slog.Logger
	manager *supervise.Manager
	dir     *state.Dir // nil: the history is not kept
	name    string     // of the file in dir
	keys    *idempotency.Table
	once    sync.Once // it is written once
}

// restore makes the hub that goes on where the one before ended; nil: there is no file, or none
// that can be used. It calls taken when the history is in this process only.
func (k *history) restore(options hub.Options, now time.Time, taken func()) *hub.Hub {
	if k.dir == nil {
		return nil
	}
	dir, name := k.dir, k.name
	k.manager.Extend(startExtension)
	h, keys, err := readHistory(dir, name, options, now)
	if errors.Is(err, fs.ErrNotExist) {
		k.log.Info("no history was kept; event ids begin anew", "file", dir.Path(name))
		return nil
	}
	if err != nil {
		setAside(k.log, dir, name, "history", err)
		return nil
	}
	taken()
	if err := within(removeTimeout, func() error { return dir.Remove(name) }); err != nil {
		// After a crash it would still be there, although the numbers after it have been given
		// already.
		k.log.Error("history cannot be used, as its file cannot be removed; event ids begin anew", "file", dir.Path(name), "err", err)
		return nil
	}
	k.keys.Restore(keys)
	st := h.Stats(now)
	k.log.Info("history restored", "file", dir.Path(name), "events", st.HistoryEvents, "bytes", st.HistoryBytes,
		"last_event_id", h.LastID().String(), "took", time.Since(now).Round(time.Millisecond))
	return h
}

func readHistory(dir *state.Dir, name string, options hub.Options, now time.Time) (*hub.Hub, []idempotency.Remembered, error) {
	file, err := dir.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	r, err := histfile.NewReader(&timedReader{file, now.Add(loadTimeout)}, now)
	if err != nil {
		return nil, nil, err
	}
	options.Epoch, options.Seq = r.Last.Epoch, r.First()
	h := hub.New(options)
	for {
		event, err := r.Next()
		if errors.Is(err, io.EOF) {
			return h, r.Keys, nil
		}
		if err == nil {
			err = h.Restore(now, event)
		}
		if err != nil {
			return nil, nil, err
		}
	}
}

// keep ends publishing and writes what the next start goes on from. It is called when nobody can
// publish any more, or nobody could yet; a second call does nothing. A failure costs a gap and
// nothing else: the next start finds no file and begins anew.
func (k *history) keep(events eventlog.Log, h *hub.Hub) {
	if k.dir == nil {
		return
	}
	k.once.Do(func() {
		now := time.Now()
		events.Close()
		past := h.Checkpoint(now)
		keys := k.keys.Checkpoint()
		path := k.dir.Path(k.name)
		// A write that hangs may end later, if the process is still there: with a file that is
		// true.
		err := within(keepTimeout+syncTimeout, func() error {
			err := k.dir.Write(k.name, func(w io.Writer) error {
				return histfile.Write(&timedWriter{w, now.Add(keepTimeout)}, now, past, keys)
			})
			if err != nil {
				// Write has left nothing, or a file that may not be on the disk.
				err = errors.Join(err, k.dir.Remove(k.name))
			}
			return err
		})
		if err != nil {
			k.log.Error("history cannot be kept; after the next start clients are told of a gap", "file", path, "err", err)
			return
		}
		k.log.Info("history kept", "file", path, "events", past.Len, "last_event_id", past.Last.String(),
			"took", time.Since(now).Round(time.Millisecond))
	})
}

// lose keeps nothing: what is in memory may not be what was sent.
func (k *history) lose() { k.once.Do(func() {}) }

// timedReader reads until a deadline.
type timedReader struct {
	from  io.Reader
	until time.Time
}

func (t *timedReader) Read(p []byte) (int, error) {
	if time.Now().After(t.until) {
		return 0, fmt.Errorf("%w: more than %s", errTooSlow, loadTimeout)
	}
	return t.from.Read(p)
}

// timedWriter writes until a deadline.
type timedWriter struct {
	to    io.Writer
	until time.Time
}

func (t *timedWriter) Write(p []byte) (int, error) {
	if time.Now().After(t.until) {
		return 0, fmt.Errorf("%w: more than %s", errTooSlow, keepTimeout)
	}
	return t.to.Write(p)
}
