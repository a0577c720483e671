package http2

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"
)

// model is the client's own account of a connection.
type model struct {
	*peer
	rand    *rand.Rand
	window  int64 // of the connection, as the client granted it
	initial int64
	next    uint32
	streams map[uint32]*modelStream
}

type modelStream struct {
	app    *app
	window int64
	sent   string // by the application
	got    string // by the client
	ending bool
}

// TestWindows drives a connection at random: windows of all sizes, negative ones too, resets from
// both sides, ends, records of all sizes. No byte may go beyond a window, be lost, doubled or out
// of order, nor wait without a reason.
func TestWindows(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &model{
				peer: connected(t), rand: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // a seeded test
				window: initialWindow, initial: initialWindow, next: 1, streams: map[uint32]*modelStream{},
			}
			for range 300 {
				m.now += time.Second
				m.step()
				m.flush(1 + m.rand.IntN(200))
				if m.err != nil {
					t.Fatal(m.err)
				}
				m.read(frameHeaderLen + 1 + m.rand.IntN(5000))
			}
			m.finish()
		})
	}
}

func (m *model) step() {
	id, s := m.any()
	switch n := m.rand.IntN(100); {
	case n < 15 && len(m.streams) < 20 || s == nil:
		m.headers(m.next, true, get()...)
		m.flush()
		m.streams[m.next] = &modelStream{app: m.apps[len(m.apps)-1], window: m.initial}
		m.next += 2
	case n < 55 && !s.ending:
		text := fmt.Sprintf("%d:%s\n", len(s.sent), longText(m.rand.IntN(3000)))
		s.sent += text
		s.app.send(text)
	case n < 60 && !s.ending:
		s.ending = true
		m.conn.End(&s.app.Stream)
	case n < 63:
		m.must(m.write.WriteRSTStream(id, xhttp2.ErrCodeCancel))
		m.flush()
		delete(m.streams, id)
	case n < 65:
		m.conn.Reset(&s.app.Stream, Cancel)
		delete(m.streams, id)
	case n < 80:
		add := 1 + m.rand.Int64N(4000)
		s.window += add
		m.must(m.write.WriteWindowUpdate(id, uint32(add)))
	case n < 95:
		add := 1 + m.rand.Int64N(20_000)
		m.window += add
		m.must(m.write.WriteWindowUpdate(0, uint32(add)))
	default:
		to := m.rand.Int64N(6000)
		for _, s := range m.streams {
			s.window += to - m.initial
		}
		m.initial = to
		m.must(m.write.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingInitialWindowSize, Val: uint32(to)}))
	}
}

func (m *model) any() (uint32, *modelStream) {
	if len(m.streams) == 0 {
		return 0, nil
	}
	n := m.rand.IntN(len(m.streams))
	for id := uint32(1); ; id += 2 {
		if s := m.streams[id]; s != nil {
			if n == 0 {
				return id, s
			}
			n--
		}
	}
}

// read takes all that can be sent and books it.
func (m *model) read(limit int) {
	m.pull(limit)
	for m.fromServer.Len() > 0 {
		switch f := m.next2().(type) {
		case *xhttp2.DataFrame:
			s := m.streams[f.StreamID]
			if s == nil {
				m.t.Fatalf("DATA on stream %d, which is over", f.StreamID)
			}
			n := int64(len(f.Data()))
			m.window -= n
			s.window -= n
			if n > 0 && (m.window < 0 || s.window < 0) {
				m.t.Fatalf("%d bytes beyond the window: %d left of the connection, %d of stream %d", n, m.window, s.window, f.StreamID)
			}
			s.got += string(f.Data())
			if len(s.got) > len(s.sent) || s.sent[:len(s.got)] != s.got {
				m.t.Fatalf("stream %d got what was not sent next", f.StreamID)
			}
			if f.StreamEnded() {
				if !s.ending || s.got != s.sent {
					m.t.Fatalf("stream %d ended after %d of %d bytes", f.StreamID, len(s.got), len(s.sent))
				}
				delete(m.streams, f.StreamID)
			}
		case *xhttp2.HeadersFrame, *xhttp2.SettingsFrame, *xhttp2.RSTStreamFrame, *xhttp2.PingFrame:
		default:
			m.t.Fatalf("got %v", f)
		}
	}
	for id, s := range m.streams {
		waits := s.got != s.sent
		if waits && s.window > 0 && m.window > 0 {
			m.t.Fatalf("stream %d waits for nothing: %d bytes left, windows %d and %d", id, len(s.sent)-len(s.got), s.window, m.window)
		}
		if !waits && s.ending {
			m.t.Fatalf("stream %d waits with its end", id)
		}
		if blocked := s.window <= 0 || m.window <= 0; (m.conn.IsShut() || m.conn.IsShutFor(&s.app.Stream)) != blocked {
			m.t.Fatalf("stream %d is blocked: %v, windows %d and %d", id, !blocked, s.window, m.window)
		}
	}
}

func (m *model) next2() xhttp2.Frame {
	m.t.Helper()
	f, err := m.peer.read.ReadFrame()
	m.must(err)
	return f
}

// finish opens all windows: everything must come.
func (m *model) finish() {
	m.must(m.write.WriteWindowUpdate(0, 1<<24))
	m.window += 1 << 24
	for id, s := range m.streams {
		m.must(m.write.WriteWindowUpdate(id, 1<<24))
		s.window += 1 << 24
	}
	m.flush()
	m.read(16 << 10)
	for id, s := range m.streams {
		if s.got != s.sent {
			m.t.Fatalf("stream %d lacks %d bytes in the end", id, len(s.sent)-len(s.got))
		}
	}
}
