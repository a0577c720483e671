package dashboard

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/safetext"
)

const (
	// keptEvents is how many notable events are kept, of maxEventBytes each at most.
	keptEvents    = 200
	maxEventBytes = 1 << 10
	// notable is the level of what tells the life of the daemon; below is that of connections.
	notable = slog.LevelInfo
)

// Event is one notable event: a record of the log.
type Event struct {
	At    time.Time `json:"at"`
	Level string    `json:"level"`
	Text  string    `json:"text"` // visible text
}

// Events are the newest notable events. Loggers put them in, and never wait for readers.
type Events struct {
	mu sync.Mutex
	// guarded by mu
	ring  [keptEvents]Event
	total uint64 // so far
}

// NewEvents returns no events yet.
func NewEvents() *Events { return &Events{} }

func (e *Events) add(one Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ring[e.total%keptEvents] = one
	e.total++
}

// since returns the events after the first seen ones, oldest first, as far as they are kept, and how
// many there have been.
func (e *Events) since(seen uint64) (list []Event, total uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	list = []Event{}
	for n := max(seen, e.total-min(e.total, keptEvents)); n < e.total; n++ {
		list = append(list, e.ring[n%keptEvents])
	}
	return list, e.total
}

// Handler returns a handler that passes records on to next, and keeps the notable ones, whatever the
// level of next is.
func (e *Events) Handler(next slog.Handler) slog.Handler { return &eventHandler{events: e, next: next} }

type eventHandler struct {
	events *Events
	next   slog.Handler
	prefix string // of keys, from groups
	attrs  string // of the logger, as text
}

// Enabled implements slog.Handler.
func (h *eventHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= notable || h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *eventHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= notable {
		var b strings.Builder
		b.WriteString(safetext.Visible(r.Message) + h.attrs)
		r.Attrs(func(a slog.Attr) bool {
			appendAttr(&b, h.prefix, a)
			return b.Len() < maxEventBytes
		})
		h.events.add(Event{r.Time, strings.ToLower(r.Level.String()), safetext.Cut(b.String(), maxEventBytes)})
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *eventHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	own := *h
	own.next = h.next.WithAttrs(attrs)
	var b strings.Builder
	b.WriteString(h.attrs)
	for _, a := range attrs {
		appendAttr(&b, h.prefix, a)
	}
	own.attrs = safetext.Cut(b.String(), maxEventBytes)
	return &own
}

// WithGroup implements slog.Handler.
func (h *eventHandler) WithGroup(name string) slog.Handler {
	own := *h
	own.next = h.next.WithGroup(name)
	if name != "" {
		own.prefix += name + "."
	}
	return &own
}

// appendAttr writes " key=value". Values that hide themselves (slog.LogValuer) stay hidden.
func appendAttr(b *strings.Builder, prefix string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range value.Group() {
			appendAttr(b, prefix, member)
		}
		return
	}
	if a.Key == "" || b.Len() >= maxEventBytes {
		return
	}
	b.WriteString(" " + safetext.Visible(prefix+a.Key) + "=" + safetext.Visible(safetext.Cut(value.String(), maxEventBytes)))
}
