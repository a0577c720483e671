package dashboard

import (
	"encoding/json"
	"net/http"
	"time"

	operators "github.com/hassesd/hassesd/internal/api"
)

const (
	// maxViewers bounds the streams of figures; further ones get 503, and their pages try again.
	maxViewers = 16
	// writeTimeout is how long a viewer may take to read a moment. One that reads too slowly misses
	// moments, and holds up nobody.
	writeTimeout = 10 * time.Second
)

// Run takes a sample each second until stop is closed.
func (d *Dashboard) Run(stop <-chan struct{}) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		d.take()
		select {
		case <-tick.C:
		case <-stop:
			return
		}
	}
}

// take takes a sample.
func (d *Dashboard) take() {
	m := &moment{Figures: d.figures()}
	m.Sample = sampleOf(&m.Figures)
	d.samples.add(m)
}

// Close ends the streams of figures, so that the server can end.
func (d *Dashboard) Close() { d.close.Do(func() { close(d.stopping) }) }

// start is the first event of a stream of figures.
type start struct {
	Path    string   `json:"path,omitempty"` // where the page may send; empty: it may not
	Samples []sample `json:"samples"`
	Events  []Event  `json:"events"`
}

// update is every other event.
type update struct {
	*moment
	Events []Event `json:"events,omitempty"` // that are new
}

// serveLive sends what is kept, and then each moment, as an event stream.
func (d *Dashboard) serveLive(w http.ResponseWriter, req *http.Request) {
	select {
	case d.viewers <- struct{}{}:
		defer func() { <-d.viewers }()
	default:
		w.Header().Set("Retry-After", "10")
		operators.WriteError(w, http.StatusServiceUnavailable, "busy", "too many pages watch the daemon; close one")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	events, seen := d.events.since(0)
	v := &viewer{w, http.NewResponseController(w), d.now}
	if !v.send("start", start{d.path, d.samples.all(), events}) {
		return
	}
	sent := uint64(0)
	for {
		m, next := d.samples.now()
		if m != nil && m.Number != sent {
			sent = m.Number
			events, seen = d.events.since(seen)
			if !v.send("now", update{m, events}) {
				return
			}
		}
		select {
		case <-next:
		case <-d.stopping:
			return
		case <-req.Context().Done():
			return
		}
	}
}

// viewer is one stream of figures.
type viewer struct {
	w   http.ResponseWriter
	c   *http.ResponseController
	now func() time.Time
}

// send writes one event, and reports whether the viewer has taken it in time.
func (v *viewer) send(name string, data any) bool {
	text, err := json.Marshal(data) // one line, whatever is in it
	if err != nil {
		panic("dashboard: internal error: " + err.Error())
	}
	if v.c.SetWriteDeadline(v.now().Add(writeTimeout)) != nil {
		return false
	}
	for _, part := range [][]byte{[]byte("event: " + name + "\ndata: "), text, []byte("\n\n")} {
		if _, err := v.w.Write(part); err != nil {
			return false
		}
	}
	return v.c.Flush() == nil
}
