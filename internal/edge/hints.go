package edge

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync/atomic"
	"time"
)

// hint is a trouble of honest clients that an operator can end, and that the log alone can tell of. The set is closed.
type hint uint8

const (
	hintDistrust    hint = iota // a client does not trust our certificate
	hintProxyHeader             // a proxy sends a PROXY header that nobody expects
	hintTLS                     // a client speaks TLS to a listener that does not

	numHints = hintTLS + 1
)

// hintQuiet is the least time between two lines in the log with one hint: anybody can bring them about.
const hintQuiet = time.Minute

// hints bounds what clients can write into the log. The zero value is ready; any loop may use it.
type hints struct {
	next    [numHints]atomic.Int64  // since the server's start; another line may be written from then on
	skipped [numHints]atomic.Uint64 // lines that were not written since the last one that was
}

// take reports whether another line with h may be written, and how many were not since the last one.
func (s *hints) take(now time.Duration, h hint) (ok bool, skipped uint64) {
	next := s.next[h].Load()
	if int64(now) < next || !s.next[h].CompareAndSwap(next, int64(now+hintQuiet)) {
		s.skipped[h].Add(1)
		return false, 0
	}
	return true, s.skipped[h].Swap(0)
}

// hint returns the level at which a line with h is to be logged, and what belongs to each: debug where there were enough.
func (c *conn) hint(h hint) (slog.Level, []any) {
	args := []any{"conn", c.id, "peer", c.peer}
	ok, skipped := c.w.srv.hints.take(c.w.now(), h)
	switch {
	case !ok:
		return slog.LevelDebug, args
	case skipped > 0:
		return slog.LevelInfo, append(args, "not_logged_before", skipped)
	}
	return slog.LevelInfo, args
}

// hintDistrust tells the operator that a client does not trust our certificate: it cannot tell anybody else.
func (c *conn) hintDistrust(alert tls.AlertError) {
	level, args := c.hint(hintDistrust)
	if c.secure {
		args = append(args, "server_name", c.serverName)
	}
	c.w.srv.log.Log(context.Background(), level, "the client does not trust our certificate", append(args, "alert", alert.Error(),
		"hint", "compare the names, dates and chain of the certificate (hassesctl certs) with what the client asks for and whom it trusts")...)
}

// hintProxyHeader tells the operator that a proxy is set up to say for whom it speaks, and we are not to listen.
func (c *conn) hintProxyHeader() {
	level, args := c.hint(hintProxyHeader)
	c.w.srv.log.Log(context.Background(), level, "the connection begins with a PROXY header, which this listener does not expect",
		append(args, "hint", "turn it off at the proxy (send-proxy, proxy_protocol)")...)
}

// hintTLS tells the operator that clients are sent to the wrong port.
func (c *conn) hintTLS() {
	level, args := c.hint(hintTLS)
	c.w.srv.log.Log(context.Background(), level, "the client speaks TLS, and this listener does not",
		append(args, "hint", "clients need http:// for this port, or the listener https:// (listen)")...)
}
