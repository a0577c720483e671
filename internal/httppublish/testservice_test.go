package httppublish

import (
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/eventlog/memory"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/idempotency"
	"github.com/hassesd/hassesd/internal/publish"
)

const (
	shopKey   = "shop-key-0123456789abcdef"
	readerKey = "read-key-0123456789abcdef"
)

// testService is a service with a publisher and a hub behind it, and a record of what was published.
type testService struct {
	*Service
	hub    *hub.Hub
	log    eventlog.Log
	config *Config
	pace   publish.Pace
	memory int64
	stop   context.CancelFunc
	shard  *hub.Shard // nil: no event loop
	wakes  chan struct{}
}

func newTestService(t *testing.T) *testService {
	t.Helper()
	w := &testService{memory: 64 << 20, config: &Config{
		MessageBytes: 1000,
		BodyTimeout:  10 * time.Second,
		StreamIdle:   time.Minute,
		Access: Access{FindKey: func(secret string) (Key, bool) {
			switch secret {
			case shopKey:
				return Key{"shop", true}, true
			case readerKey:
				return Key{"reader", false}, true
			}
			return Key{}, false
		}},
	}}
	w.hub = hub.New(hub.Options{Epoch: "e", History: hub.HistoryLimits{Events: 100_000, Bytes: 64 << 20, Age: time.Hour}})
	log := memory.New(memory.Options{Last: w.hub.LastID(), Now: time.Now})
	log.Follow(w.hub)
	w.log = log
	stopping, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	w.stop = stop
	w.Service = New(Options{
		Door: publish.DoorHTTP,
		Publisher: publish.New(publish.Options{
			Log:    log,
			Now:    time.Now,
			Limits: func() publish.Limits { return publish.Limits{MessageBytes: w.config.MessageBytes, Pace: w.pace} },
			Keys: idempotency.New(idempotency.Options{
				Now:    time.Now,
				Limits: func() idempotency.Limits { return idempotency.Limits{Window: 2 * time.Minute, Keys: 1000} },
			}),
		}),
		Budget:   NewBudget(func() int64 { return w.memory }),
		Config:   func() *Config { return w.config },
		Now:      time.Now,
		Stopping: stopping,
	})
	return w
}

// head is that of a request with the shop's key.
func head(contentType, query string) Head {
	h := Head{
		Peer: netip.MustParseAddr("192.0.2.1"), Secure: true, Host: "push.example.org", Query: query,
		Authorization: "Bearer " + shopKey, ContentLength: -1,
	}
	if contentType != "" {
		h.ContentType = []string{contentType}
	}
	return h
}

// post has a request answered.
func (w *testService) post(t *testing.T, h Head, body string) *Answer {
	t.Helper()
	p, a := w.Begin(h)
	if a != nil {
		return a
	}
	return p.Run(t.Context(), textBody(body))
}

// textBody is a body that is there.
func textBody(text string) Body { return &pieces{list: []string{text}} }

// pieces is a body that comes in pieces.
type pieces struct {
	list []string
	end  error // nil: io.EOF
}

func (b *pieces) Read(p []byte) (int, error) {
	for len(b.list) > 0 && b.list[0] == "" {
		b.list = b.list[1:]
	}
	if len(b.list) == 0 {
		if b.end != nil {
			return 0, b.end
		}
		return 0, io.EOF
	}
	n := copy(p, b.list[0])
	b.list[0] = b.list[0][n:]
	return n, nil
}

func (b *pieces) SetReadDeadline(time.Time) error { return nil }

// answered is the body of an answer.
type answered struct {
	ID        string
	Matched   *int
	Duplicate bool
	Results   []answered
	Error     *struct {
		Code    Code
		Message string
		Field   string
	}
	Published  int
	FirstID    string `json:"first_id"`
	LastID     string `json:"last_id"`
	Incomplete bool
}

func (a *Answer) decode(t *testing.T) answered {
	t.Helper()
	var out answered
	if err := json.Unmarshal(a.Body, &out); err != nil {
		t.Fatalf("the answer %q is not JSON: %v", a.Body, err)
	}
	return out
}

// message is what was published.
type sent struct{ to, except, event, data, retry string }

// sent returns what was published so far, as clients would see it.
func (w *testService) sent() []sent {
	var all []sent
	for e := range w.hub.Checkpoint(time.Now()).Entries {
		s := sent{except: e.Except}
		for i, t := range e.To {
			if i > 0 {
				s.to += ","
			}
			s.to += t.String()
		}
		s.read(string(e.Body))
		all = append(all, s)
	}
	return all
}

// read decodes the body of a frame.
func (s *sent) read(frame string) {
	first := true
	for line := range lines(frame) {
		switch name, value := field(line); name {
		case "event":
			s.event = value
		case "retry":
			s.retry = value
		case "data":
			if !first {
				s.data += "\n"
			}
			s.data += value
			first = false
		}
	}
}

func wantSent(t *testing.T, w *testService, want ...sent) {
	t.Helper()
	if got := w.sent(); !slices.Equal(got, want) {
		t.Errorf("published\n%q\nwant\n%q", got, want)
	}
}

// wantRefused checks that a request was refused.
func wantRefused(t *testing.T, a *Answer, status int, code Code, field string) {
	t.Helper()
	if a == nil {
		t.Error("there is no answer")
		return
	}
	got := a.decode(t)
	if got.Error == nil {
		t.Errorf("got %d %s, want %d %s", a.Status, a.Body, status, code)
		return
	}
	if a.Status != status || a.Code != code || got.Error.Code != code || got.Error.Field != field || got.Error.Message == "" {
		t.Errorf("got %d %s, want %d %s of field %q", a.Status, a.Body, status, code, field)
	}
}
