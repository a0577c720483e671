package http2

import (
	"encoding/binary"
	"slices"
)

// settings applies the peer's settings (RFC 9113, section 6.5).
func (c *Conn) settings(p []byte) error {
	for ; len(p) >= settingLen; p = p[settingLen:] {
		value := binary.BigEndian.Uint32(p[2:])
		switch binary.BigEndian.Uint16(p) {
		case settingEnablePush:
			if value > 1 {
				return c.fail(ProtocolError, "SETTINGS_ENABLE_PUSH is neither 0 nor 1")
			}
		case settingInitialWindowSize:
			if value > largestWindow {
				return c.fail(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE is too large")
			}
			if err := c.moveWindows(int32(value)); err != nil {
				return err
			}
		case settingMaxFrameSize:
			if value < maxFrameSize || value > largestFrameSize {
				return c.fail(ProtocolError, "SETTINGS_MAX_FRAME_SIZE is out of range")
			}
			c.peerFrameSize = int32(value)
		}
	}
	c.acks++
	return nil
}

// moveWindows moves all streams' windows by what the initial one has changed; they may become
// negative (RFC 9113, section 6.9.2).
func (c *Conn) moveWindows(to int32) error {
	delta := int64(to) - int64(c.peerWindow)
	for _, s := range c.streams {
		if int64(s.sendWindow)+delta > largestWindow {
			return c.fail(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE overflows a window")
		}
	}
	c.peerWindow = to
	for _, s := range slices.Clone(c.streams) {
		if s.IsOpen() {
			c.moveWindow(s, int32(delta))
		}
	}
	return nil
}

func (c *Conn) moveWindow(s *Stream, by int32) {
	wasShut := s.sendWindow <= 0
	s.sendWindow += by
	if wasShut && s.sendWindow > 0 {
		if s.stalled {
			s.stalled = false
			c.makeReady(s)
		}
		s.owner.Window()
	}
}

// windowUpdate takes a WINDOW_UPDATE (RFC 9113, section 6.9).
func (c *Conn) windowUpdate(id, increment uint32) error {
	switch {
	case id == 0 && increment == 0:
		return c.fail(ProtocolError, "WINDOW_UPDATE of 0")
	case id == 0:
		if int64(c.sendWindow)+int64(increment) > largestWindow {
			return c.fail(FlowControlError, "WINDOW_UPDATE overflows the connection's window")
		}
		c.sendWindow += int32(increment)
		return nil
	case id > c.lastStream:
		return c.fail(ProtocolError, "WINDOW_UPDATE for a stream that is idle")
	case increment == 0:
		return c.streamError(id, ProtocolError)
	}
	s := c.find(id)
	if s == nil {
		return nil // closed: it may have been on its way
	}
	if int64(s.sendWindow)+int64(increment) > largestWindow {
		return c.streamError(id, FlowControlError)
	}
	c.moveWindow(s, int32(increment))
	return nil
}

// reset takes an RST_STREAM.
func (c *Conn) reset(id uint32, code ErrCode) error {
	if id > c.lastStream {
		return c.fail(ProtocolError, "RST_STREAM for a stream that is idle")
	}
	if err := c.spend(costReset); err != nil {
		return err
	}
	if s := c.find(id); s != nil {
		c.drop(s, code, true)
	}
	c.resets.forget(id) // now it knows
	return nil
}

// settingsAcked frees the peer's table: from now on it uses none, if that is what we told it.
func (c *Conn) settingsAcked() {
	c.acked = true
	if c.limits.HeaderTable == 0 {
		c.decoder = nil
	}
}
