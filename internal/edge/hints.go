package edge

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// hint is a problem of honest clients that the operator can solve, and learns of only from the log.
// The set is closed.
type hint uint8

const (
	hintDistrust       hint = iota // a client does not trust our certificate
	hintProxyHeader                // a peer that is not trusted sends a PROXY header, or any does where none is expected
	hintNoProxyHeader              // a trusted peer sends none
	hintBadProxyHeader             // a trusted peer sends one that cannot be read
	hintTLS                        // a client speaks TLS to a listener that does not

	numHints = hintTLS + 1
)

// Anybody can provoke hints, so the log has few lines with the same one.
const (
	hintQuiet = time.Minute // one more line
	hintBurst = 5           // lines after a pause, so that one bad client does not hide another
)

// hints limits the log lines that clients can provoke. The zero value is ready to use, from any
// loop.
type hints struct {
	spent   [numHints]atomic.Int64  // since the server's start; when all lines of the burst may be written again
	skipped [numHints]atomic.Uint64 // lines that were not written since the last one that was
}

// take reports whether another line with h may be logged, and how many were suppressed since the
// last one.
func (s *hints) take(now time.Duration, h hint) (ok bool, skipped uint64) {
	spent := s.spent[h].Load()
	next := max(time.Duration(spent), now) + hintQuiet
	if next-now > hintBurst*hintQuiet || !s.spent[h].CompareAndSwap(spent, int64(next)) {
		s.skipped[h].Add(1)
		return false, 0
	}
	return true, s.skipped[h].Swap(0)
}

// hintTexts are the message of each hint and what to do about it.
var hintTexts = [numHints]struct{ message, hint string }{
	hintDistrust: {
		"the client does not trust our certificate",
		"compare the names, dates and chain of the certificate (hassesctl certs) with what the client asks for and whom it trusts",
	},
	hintProxyHeader: {
		"the connection begins with a PROXY header, which this listener does not expect",
		"if the peer is your proxy, list it in proxy.trusted and set proxy.protocol, or turn the header off there (send-proxy, proxy_protocol); from any other peer it is forged",
	},
	hintNoProxyHeader: {
		"a trusted proxy opens a connection without a PROXY header",
		"turn the header on at the proxy (send-proxy, proxy_protocol), for its health checks too (check-send-proxy); or leave proxy.protocol or the peer's address in proxy.trusted out",
	},
	hintBadProxyHeader: {
		"a trusted proxy sends a PROXY header that cannot be read",
		"the header is version 1 or 2, at most 107 or 4096 bytes long, and complete within limits.handshake_timeout",
	},
	hintTLS: {
		"the client speaks TLS, and this listener does not",
		"clients need http:// for this port, or the listener https:// (listen)",
	},
}

// log logs h for the operator, or at the debug level if there were enough such lines lately. args
// identify the connection; more is what else is known.
func (s *hints) log(to *slog.Logger, now time.Duration, h hint, args, more []any) {
	level := slog.LevelInfo
	switch ok, skipped := s.take(now, h); {
	case !ok:
		level = slog.LevelDebug
	case skipped > 0:
		args = append(args, "not_logged_before", skipped)
	}
	text := &hintTexts[h]
	to.Log(context.Background(), level, text.message, append(append(args, more...), "hint", text.hint)...) //nolint:sloglint // one of a closed set
}
