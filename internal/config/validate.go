package config

import (
	"errors"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/hassesd/hassesd/internal/sse"
)

// check returns all errors of the settings that do not depend on the system.
func check(s *Settings) []*Error {
	c := checker{s: s}
	c.text()
	c.listeners()
	c.path()
	c.healthPath()
	c.certificate()
	c.certificates()
	c.acme()
	c.auth()
	c.origins()
	c.proxy()
	c.control()
	c.controlKeys()
	c.api()
	c.heartbeat()
	c.state()
	c.numbers()
	c.choices()
	c.exempt()
	c.user()
	c.unixPeers()
	c.cluster()
	return c.problems
}

// text refuses control characters, except in the delimiter, which has its own rule, and in a
// secret, which must not be quoted.
func (c *checker) text() {
	for i := range registry {
		e := &registry[i]
		if e.name == "control.delimiter" || e.name == "acme.eab_key" {
			continue
		}
		switch f := e.field(c.s).(type) {
		case *string:
			if strings.ContainsFunc(*f, unicode.IsControl) {
				c.addError(e.name, "", "%q contains a control character", *f)
			}
		case *[]string:
			for _, item := range *f {
				if strings.ContainsFunc(item, unicode.IsControl) {
					c.addError(e.name, "", "%q contains a control character", item)
				}
			}
		}
	}
}

func (c *checker) path() {
	p := c.s.Path
	switch {
	case !strings.HasPrefix(p, "/"):
		c.addError("path", "write it as in /sse", "%q does not begin with a slash", p)
	case strings.ContainsFunc(p, isEncodedInPath):
		c.addError("path", "use letters, digits and / - _ . ~", "%q has a character that must be encoded in a path", p)
	case p == "/" && c.s.Demo:
		c.addError("path", "choose another path, as in /sse, or leave demo out", "the demo page is at /, so streams cannot be there")
	}
}

// isEncodedInPath reports whether the setting of a path must not have the character: the path of a
// request is compared as it comes.
func isEncodedInPath(r rune) bool {
	return r <= ' ' || r >= 0x7f || r == '?' || r == '#' || r == '%'
}

func (c *checker) heartbeat() {
	if strings.ContainsAny(c.s.Heartbeat.Event, "\r\n\x00") {
		return // an error of text
	}
	var fault *sse.EventError
	if errors.As(sse.Event{Name: c.s.Heartbeat.Event}.Check(), &fault) {
		c.addError("heartbeat.event", "use another word, as in ping", "the name %s", fault.Reason)
	}
}

// numbers checks ranges. The upper ends catch wrong units.
func (c *checker) numbers() {
	s, l := c.s, &c.s.Limits
	c.intBetween("loops", s.Loops, 0, 1024)
	c.durationBetween("retry", s.Retry, time.Millisecond, sse.MaxRetry)
	c.durationBetween("hsts.max_age", s.HSTS.MaxAge, 0, 100*365*24*time.Hour)
	c.zeroOrBetween("tls.watch", s.TLS.Watch, 100*time.Millisecond, 24*time.Hour)
	c.zeroOrBetween("heartbeat.interval", s.Heartbeat.Interval, 10*time.Millisecond, 24*time.Hour)
	c.intBetween("history.events", s.History.Events, 0, 100_000_000)
	c.sizeBetween("history.bytes", s.History.Bytes, 0, 1<<40)
	c.durationBetween("history.age", s.History.Age, 0, 365*24*time.Hour)
	c.intBetween("publish.requests", s.Publish.Requests, 1, 1_000_000)
	c.durationBetween("publish.stream_idle", s.Publish.StreamIdle, 10*time.Millisecond, 24*time.Hour)
	c.zeroOrBetween("publish.dedup_window", s.Publish.DedupWindow, time.Second, 24*time.Hour)
	c.intBetween("publish.dedup_keys", s.Publish.DedupKeys, 0, 100_000_000)
	c.intBetween("control.connections", s.Control.Connections, 1, 65536)
	c.intBetween("limits.connections", l.Connections, 0, 100_000_000)
	c.intBetween("limits.connections_per_address", l.ConnectionsPerAddress, 0, 100_000_000)
	c.sizeBetween("http2_header_table", int64(s.HTTP2HeaderTable), 0, 64<<10)
	c.intBetween("limits.streams", l.Streams, 0, 100_000_000)
	c.intBetween("limits.streams_per_address", l.StreamsPerAddress, 0, 100_000_000)
	c.intBetween("limits.streams_per_connection", l.StreamsPerConnection, 1, 10_000)
	c.intBetween("limits.handshakes", l.Handshakes, 1, 1_000_000)
	c.intBetween("limits.handshake_cpu", l.HandshakeCPU, 1, 100)
	c.intBetween("limits.handshakes_per_address", l.HandshakesPerAddress, 0, 1_000_000)
	c.intBetween("limits.handshake_rate", l.HandshakeRate, 0, 1_000_000)
	c.intBetween("limits.handshake_burst", l.HandshakeBurst, 1, 1_000_000)
	c.durationBetween("limits.handshake_timeout", l.HandshakeTimeout, 10*time.Millisecond, 10*time.Minute)
	c.durationBetween("limits.request_timeout", l.RequestTimeout, 10*time.Millisecond, 10*time.Minute)
	c.sizeBetween("limits.request_bytes", int64(l.RequestBytes), 512, mib)
	c.intBetween("limits.rooms_per_client", l.RoomsPerClient, 1, 65536)
	c.sizeBetween("limits.message_bytes", int64(l.MessageBytes), 1, 16*mib)
	c.sizeBetween("limits.queue_bytes", int64(l.QueueBytes), kib, 1<<30)
	c.sizeBetween("limits.kernel_bytes", int64(l.KernelBytes), 16*kib, 4*mib)
	if l.QueueBytesTotal != 0 {
		c.sizeBetween("limits.queue_bytes_total", l.QueueBytesTotal, int64(l.QueueBytes), 1<<50)
	}
	if l.Memory != 0 {
		c.sizeBetween("limits.memory", l.Memory, 16*mib, 1<<50)
	}
	c.intBetween("limits.publish_rate", l.PublishRate, 0, 100_000_000)
	if l.PublishBytes != 0 {
		// Otherwise, one message could wait for longer than a second.
		c.sizeBetween("limits.publish_bytes", l.PublishBytes, int64(l.MessageBytes), 1<<40)
	}
	c.zeroOrBetween("limits.stream_age", l.StreamAge, 10*time.Millisecond, 365*24*time.Hour)
	c.durationBetween("drain.window", s.Drain.Window, 0, time.Hour)
}

func (c *checker) choices() {
	c.oneOf("sandbox", c.s.Sandbox)
	c.oneOf("log_level", c.s.LogLevel)
	c.oneOf("log_format", c.s.LogFormat)
	c.oneOf("control.tcp_role", c.s.Control.TCPRole)
	c.oneOf("tls.min_version", c.s.TLS.MinVersion)
	c.oneOf("tls.records", c.s.TLS.Records)
	c.sizeBetween("tls.hot_keys", int64(c.s.TLS.HotKeys), 0, 4096*mib)
	c.oneOf("limits.slow", c.s.Limits.Slow)
	c.oneOf("limits.penalties", c.s.Limits.Penalties)
}

// user checks settings of users without looking up names, which the parts of the start do.
func (c *checker) user() {
	if c.s.Group != "" && c.s.User == "" {
		c.addError("group", "add --user", "is set without user: the daemon would stay root and could regain every right")
	}
	switch {
	case c.s.Chroot != "" && c.s.User == "":
		c.addError("chroot", "add --user", "is set without user: root can leave every chroot")
	case c.s.Chroot != "" && !filepath.IsAbs(c.s.Chroot):
		c.addError("chroot", "write it from / on", "%q is not an absolute path", c.s.Chroot)
	}
}
