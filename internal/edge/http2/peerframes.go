package http2

import "encoding/binary"

// settings applies the peer's settings (RFC 9113, section 6.5).
func (c *Conn) settings(p []byte) error {
	windows := newWindowSetting(c)
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
			if !windows.set(int32(value)) {
				return c.fail(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE overflows a window")
			}
		case settingMaxFrameSize:
			if value < maxFrameSize || value > largestFrameSize {
				return c.fail(ProtocolError, "SETTINGS_MAX_FRAME_SIZE is out of range")
			}
			// Ours are shorter than any that may be set; see visitBytes.
		}
	}
	c.moveWindows(windows.to)
	c.send.acks++
	return nil
}

// reset takes an RST_STREAM.
func (c *Conn) reset(id uint32, code ErrCode) error {
	if c.isIdle(id) {
		return c.fail(ProtocolError, "RST_STREAM for a stream that is idle")
	}
	if err := c.spend(costReset); err != nil {
		return err
	}
	if s := c.streams.find(id); s != nil {
		c.drop(s, code, true)
	}
	c.resets = c.resets.without(id) // now it knows
	return nil
}
