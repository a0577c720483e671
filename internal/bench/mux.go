package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/net/http2/hpack"
)

// The windows of a browser: those of Chromium. Half of one is given back at a time.
const (
	connectionWindow = 15 << 20
	streamWindow     = 6 << 20
)

// mux is one connection of HTTP/2 with the streams that were asked for on it.
type mux struct {
	l     *streamLoop // fixed
	group *group      // fixed

	link    *link // nil before it is connected
	ended   bool
	streams map[uint32]*stream // without answer's end
	nextID  uint32
	frames  frameReader
	decoder *hpack.Decoder
	block   []byte // of a head whose CONTINUATION comes
	unread  int    // bytes of the window that were not given back
	out     []byte // to be sent at the end of the turn
	isDirty bool   // the loop knows that
}

// maxBlock bounds an answer's head.
const maxBlock = 64 << 10

// errTooMany is what happens where the server bounds streams lower than we need.
func errTooMany(most uint32) error {
	return fmt.Errorf("the server allows %d streams on a connection: set --streams-per-connection to that or less", most)
}

// newMux returns a connection that has our settings to send.
func newMux(g *group) *mux {
	m := &mux{l: g.l, group: g, streams: make(map[uint32]*stream), nextID: 1}
	m.decoder = hpack.NewDecoder(4096, nil)
	m.out = append(m.out, http2Preface...)
	m.out = appendFrame(m.out, 12, frameSettings, 0, 0)
	m.out = appendSetting(m.out, settingEnablePush, 0)
	m.out = appendSetting(m.out, settingInitialWindowSize, uint32(m.firstWindow()))
	m.out = appendNumber(m.out, frameWindowUpdate, 0, connectionWindow-firstWindow)
	return m
}

// firstWindow is what a stream may be sent before its client has read anything.
func (m *mux) firstWindow() int {
	if m.l.o.Scenario == Slow {
		return slowBuffer // those that read are given more at once
	}
	return streamWindow
}

// prepare puts the request of s into the output.
func (m *mux) prepare(s *stream) {
	s.on, s.id = m, m.nextID
	m.nextID += 2
	m.streams[s.id] = s
	s.unread = 0
	s.startReader()
	fields, err := m.l.dialer.target.fields(roomName(m.l.o.Run, s.room), string(s.reader.lastID))
	if err != nil {
		panic("bench: internal error: " + err.Error()) // Complete has tried them
	}
	m.out = m.l.requests.appendRequest(m.out, s.id, fields)
	if w := m.firstWindow(); w < streamWindow && !s.slow {
		m.out = appendNumber(m.out, frameWindowUpdate, s.id, uint32(streamWindow-w))
	}
}

// request asks for s.
func (m *mux) request(s *stream) {
	m.prepare(s)
	s.setState(stateAsking)
	m.dirty()
}

// asked notes that all requests so far have left.
func (m *mux) asked() {
	for _, s := range m.streams {
		s.setState(stateAsking)
	}
}

// leave takes s off the connection; a stream that the server has not ended is reset.
func (m *mux) leave(s *stream) {
	if m.streams[s.id] == s {
		delete(m.streams, s.id)
		if m.link != nil && !m.ended {
			m.out = appendNumber(m.out, frameRSTStream, s.id, errCodeCancel)
			m.dirty()
		}
	}
	s.on = nil
	if m.group.mux != m && len(m.streams) == 0 && !m.ended && m.link != nil {
		m.over(errEnded) // it takes no requests, and has none left
	}
}

// dirty has the output sent at the end of the turn.
func (m *mux) dirty() {
	if !m.isDirty {
		m.isDirty = true
		m.l.dirty = append(m.l.dirty, m)
	}
}

// flush sends the output.
func (m *mux) flush() {
	m.isDirty = false
	if m.ended || m.link == nil || len(m.out) == 0 {
		return
	}
	if err := m.link.write(m.out); err != nil {
		m.over(err)
	}
	m.out = nil
}

// over ends the connection and all that is on it.
func (m *mux) over(err error) {
	if m.ended {
		return
	}
	m.ended = true
	m.group.retire(m)
	if m.link != nil {
		m.link.Close()
	}
	left := m.streams
	m.streams = nil
	for _, s := range left {
		s.on = nil
		switch s.state {
		case stateDialling:
			s.fail(err)
		case stateAsking, stateOpen:
			s.cutOff(err)
		case stateClosed, stateQueued:
		}
	}
}

// reads implements linkUser.
func (m *mux) reads(k *link) bool { return m.link == k && !m.ended }

// counted implements linkUser.
func (m *mux) counted(n int) { m.l.counts.good.Bytes += uint64(n) }

// broke implements linkUser.
func (m *mux) broke(err error) {
	if errors.Is(err, io.EOF) {
		err = errors.New("the server closed the connection")
	}
	m.over(err)
}

// consume implements linkUser.
func (m *mux) consume(p []byte, now int64) {
	for !m.ended {
		f, rest, ok, err := m.frames.next(p)
		if err == nil && ok {
			err = m.take(f, now)
		}
		if err != nil {
			if errors.Is(err, errFrames) {
				m.l.counts.good.Broken++
			}
			m.over(err)
			return
		}
		if !ok {
			return
		}
		p = rest
	}
}

// take acts on a frame, or on a piece of DATA.
func (m *mux) take(f frame, now int64) error {
	switch f.kind {
	case frameData:
		return m.data(f, now)
	case frameHeaders, frameContinuation:
		return m.head(f, now)
	case frameRSTStream:
		if len(f.payload) != 4 {
			return fmt.Errorf("%w: RST_STREAM of %d bytes", errFrames, len(f.payload))
		}
		m.reset(f.stream, binary.BigEndian.Uint32(f.payload))
	case frameSettings:
		if f.flags&flagAck == 0 {
			return m.settings(f.payload)
		}
	case framePing:
		if f.flags&flagAck == 0 {
			m.out = append(appendFrame(m.out, len(f.payload), framePing, flagAck, 0), f.payload...)
			m.dirty()
		}
	case frameGoAway:
		return m.goAway(f.payload)
	case framePushPromise:
		return fmt.Errorf("%w: PUSH_PROMISE, which we refuse", errFrames)
	}
	return nil
}

func (m *mux) settings(p []byte) error {
	for ; len(p) >= 6; p = p[6:] {
		if most := binary.BigEndian.Uint32(p[2:]); binary.BigEndian.Uint16(p) == settingMaxStreams && int(most) < m.l.o.StreamsPerConnection {
			return errTooMany(most)
		}
	}
	m.out = appendFrame(m.out, 0, frameSettings, flagAck, 0)
	m.dirty()
	return nil
}

// goAway takes GOAWAY: requests that the server has not seen are asked again, on another
// connection.
func (m *mux) goAway(p []byte) error {
	if len(p) < 8 {
		return fmt.Errorf("%w: GOAWAY of %d bytes", errFrames, len(p))
	}
	last, code := binary.BigEndian.Uint32(p)&(1<<31-1), binary.BigEndian.Uint32(p[4:])
	m.group.retire(m)
	err := fmt.Errorf("the server sends the connection away with code %d %.40q", code, p[8:])
	if code != 0 {
		m.over(err)
		return nil
	}
	for id, s := range m.streams {
		if id > last {
			delete(m.streams, id)
			s.on = nil
			s.cutOff(err)
		}
	}
	if len(m.streams) == 0 {
		m.over(err)
	}
	return nil
}

// head takes a piece of a head.
func (m *mux) head(f frame, now int64) error {
	if len(m.block)+len(f.payload) > maxBlock {
		return fmt.Errorf("%w: a head of more than %d bytes", errFrames, maxBlock)
	}
	m.block = append(m.block, f.payload...)
	if f.flags&flagEndHeaders == 0 {
		return nil
	}
	fields, err := m.decoder.DecodeFull(m.block)
	m.block = m.block[:0]
	if err != nil {
		return fmt.Errorf("%w: %w", errFrames, err)
	}
	s := m.streams[f.stream]
	if s == nil {
		return nil // it was cut meanwhile
	}
	if s.state != stateAsking {
		if f.flags&flagEndStream != 0 { // trailers
			m.endOf(s)
		}
		return nil
	}
	status := 0
	if len(fields) > 0 && fields[0].Name == ":status" {
		status, _ = strconv.Atoi(fields[0].Value)
	}
	switch {
	case status >= 100 && status < 200: // another head follows
		return nil
	case status != 200:
		if f.flags&flagEndStream != 0 {
			delete(m.streams, s.id) // it needs no reset
		}
		s.fail(fmt.Errorf("the server answered with status %d", status))
		return nil
	}
	s.reader.startText(status)
	s.opened(now)
	if f.flags&flagEndStream != 0 {
		m.endOf(s)
	}
	return nil
}

// data takes a piece of DATA. All of it counts against the windows, padding included (RFC 9113,
// section 6.9.1).
func (m *mux) data(f frame, now int64) error {
	m.unread += len(f.payload) + f.padding
	if m.unread >= connectionWindow/2 {
		m.out = appendNumber(m.out, frameWindowUpdate, 0, uint32(m.unread))
		m.unread = 0
		m.dirty()
	}
	s := m.streams[f.stream]
	if s == nil {
		return nil // it was cut meanwhile
	}
	if s.state != stateOpen {
		return fmt.Errorf("%w: DATA before the head of its answer", errFrames)
	}
	if s.ignored {
		m.giveBack(s, f.padding)
		s.held = append(s.held, f.payload...) // bounded by its window
	} else {
		m.giveBack(s, len(f.payload)+f.padding)
		s.consume(f.payload, now)
	}
	if f.last && f.flags&flagEndStream != 0 && m.streams[f.stream] == s {
		m.endOf(s)
	}
	return nil
}

// giveBack lets the server send n more bytes on the stream, once there are enough of them.
func (m *mux) giveBack(s *stream, n int) {
	if s.unread += n; s.unread >= streamWindow/2 {
		m.out = appendNumber(m.out, frameWindowUpdate, s.id, uint32(s.unread))
		s.unread = 0
		m.dirty()
	}
}

// endOf takes the proper end of an answer.
func (m *mux) endOf(s *stream) {
	delete(m.streams, s.id)
	s.on = nil
	s.cutOff(io.EOF)
}

// reset takes RST_STREAM.
func (m *mux) reset(id, code uint32) {
	s := m.streams[id]
	if s == nil {
		return
	}
	delete(m.streams, id)
	s.on = nil
	s.cutOff(fmt.Errorf("the server reset it with code %d", code))
}
