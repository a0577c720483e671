package classic

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

// ErrorLine returns the answer to a command that failed.
func ErrorLine(e *api.Error) []byte { return []byte("error " + safetext.ASCII(e.Message) + "\n") }

// The texts of hasses: names and order of the fields are read by scripts.

// StatusText returns the answer to "status".
func StatusText(s *api.Status) string {
	var b strings.Builder
	field := func(name string, value any) { fmt.Fprintf(&b, "%s: %v\n", name, value) }

	b.WriteString("------- status of hasses -------\n")
	field("Version", safetext.ASCII(s.Version))
	field("Compiled", safetext.ASCII(s.Compiled))
	field("Pid", s.PID)
	field("Uid", fmt.Sprintf("%d (%s)", s.UID, orNotSet(s.User)))
	field("Running time", runningTime(s.UptimeSeconds))
	field("Mode", hassesMode(s.Mode))
	if s.Mode != modeHTTP {
		field("SSL Cert key file", orNotSet(s.CertFile))
		field("SSL Prvt key file", orNotSet(s.KeyFile))
	}
	field("Loglevel", logLevelNumber(s.LogLevel))
	field("Reinit allowed", yesNo(s.Reinit, "yes", "no"))
	field("CORS-base url", orNotSet(strings.Join(s.CORSOrigin, ", ")))
	field("Count of connected clients", s.Connections)
	field("Current registred SSE clients", s.Streams)
	field("Maximum number of connections", s.ConnectionsPeak)
	field("Total client handshaked", s.HandshakesTotal)
	field("Total reinit connection", s.ReinitsTotal)
	field("Total message processed", s.MessagesTotal)
	field("Total message sent", s.DeliveriesTotal)
	b.WriteString("------------- end --------------\n")
	return b.String()
}

// NumberOfClientsText returns the answer to "numberofclients".
func NumberOfClientsText(connections int) string {
	return fmt.Sprintf("Number of connected clients: %d\n", connections)
}

// SubscribedText returns the answer to "subscribedclients".
func SubscribedText(room string, streams int) string {
	return fmt.Sprintf("Client count subscribed for \"%s\": %d\n", safetext.ASCII(room), streams)
}

// modeHTTP is the mode of a daemon whose listeners are all unencrypted.
const modeHTTP = "http"

// hassesMode is hasses' name of a mode. hasses had one listener; with both kinds it is the
// encrypted one's.
func hassesMode(mode string) string {
	if mode == modeHTTP {
		return "unencrypted (http)"
	}
	return "SSL encrypted (https)"
}

// clientState is hasses' name of a connection's state.
func clientState(state string) string {
	switch state {
	case "accepted":
		return "NEW"
	case "handshaking":
		return "SSL"
	case "reading":
		return "HEA"
	case "streaming":
		return "SSE"
	}
	return "END"
}

// runningTime writes a duration as HH:MM:SS, behind the days if there are any.
func runningTime(seconds float64) string {
	s := int64(max(seconds, 0))
	clock := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / int64(24*time.Hour/time.Second); days > 0 {
		return strconv.FormatInt(days, 10) + "day " + clock
	}
	return clock
}

// logLevelNumber is hasses' number of a log level.
func logLevelNumber(level string) int {
	switch level {
	case "quiet":
		return 0
	case "debug":
		return 2
	}
	return 1
}

func orNotSet(s string) string { return cmp.Or(safetext.ASCII(s), "not set") }

func yesNo(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}
