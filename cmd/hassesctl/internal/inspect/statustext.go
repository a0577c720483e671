package inspect

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

// statusText returns the status for people: a headline, then names and values.
func statusText(s *output.Screen, status api.Status) string {
	var b strings.Builder
	user := safetext.Visible(status.User)
	if user == "" {
		user = "not set"
	}
	fmt.Fprintf(&b, "%s %s, pid %d, user %s (uid %d)\n",
		s.Paint(output.Bold, "hassesd"), s.Paint(output.Bold, safetext.Visible(status.Version)), status.PID, user, status.UID)
	if status.Draining {
		b.WriteString(string(s.Paint(output.Yellow, "draining: streams are being ended, no new ones are accepted")) + "\n")
	}
	line := func(name, value string) { b.WriteString(s.Field(name, value)) }
	line("running", output.Age(status.UptimeSeconds)+", since "+status.StartedAt.Format(time.RFC3339))
	line("mode", status.Mode)
	if len(status.Listen) > 0 {
		line("listens on", strings.Join(status.Listen, ", "))
	}
	for _, door := range status.Endpoints {
		if door.Kind != api.EndpointListen { // those are in listen
			line(doorName(door.Kind), door.Address+tlsMark(door.TLS))
		}
	}
	if status.CertFile != "" {
		line("certificate", status.CertFile+", key "+status.KeyFile)
	}
	if len(status.CORSOrigin) > 0 {
		line("origins", strings.Join(status.CORSOrigin, ", "))
	}
	if c := status.Cluster; c != nil {
		line("cluster", safetext.Visible(c.Name+", node "+c.Node+": "+clusterText(c)))
	}
	line("log level", status.LogLevel)
	if status.LogRecordsLost > 0 {
		line("log", output.Plural(status.LogRecordsLost, "record")+" lost: it could not be written fast enough, or not at all")
	}
	line("reinit", output.OnOff(status.Reinit))
	line("connections", fmt.Sprintf("%d (peak %d, at most %d)", status.Connections, status.ConnectionsPeak, status.ConnectionsMax))
	line("streams", strconv.Itoa(status.Streams)+httpText(status.HTTP))
	line("loops", loopsText(status.Loops))
	line("opened", fmt.Sprintf("%d (and %d by a second request)", status.HandshakesTotal, status.ReinitsTotal))
	line("messages", fmt.Sprintf("%d (deliveries %d)", status.MessagesTotal, status.DeliveriesTotal))
	line("command errors", strconv.FormatUint(status.CommandErrorsTotal, 10))
	line("last event", status.LastEventID)
	line("history", historyText(status.History))
	if status.Memory != nil {
		line("memory", memoryText(status.Memory))
	}
	line("closed", reasonsText(status.Closed))
	if dropped := reasonsText(status.Dropped); len(status.Dropped) > 0 && dropped != reasonsText(nil) {
		line("dropped", dropped)
	}
	line("refused", reasonsText(status.Refused))
	return b.String()
}

// clusterText returns how a node stands.
func clusterText(c *api.ClusterStatus) string {
	if !c.Ready {
		return c.Problem
	}
	return fmt.Sprintf("follows the log at %s, %s behind", c.Server, output.Plural(c.LagRecords, "record"))
}

// httpText returns how many streams each version of HTTP carries, if there are any.
func httpText(all []api.HTTPStatus) string {
	type sum struct{ connections, streams int }
	var versions []string
	of := map[string]sum{}
	for _, h := range all {
		if h.Streams == 0 {
			continue
		}
		if _, ok := of[h.Version]; !ok {
			versions = append(versions, h.Version)
		}
		of[h.Version] = sum{of[h.Version].connections + h.Connections, of[h.Version].streams + h.Streams}
	}
	var parts []string
	for _, v := range versions {
		part := fmt.Sprintf("%d over HTTP/%s", of[v].streams, safetext.Visible(v))
		if of[v].connections != of[v].streams {
			part += " on " + output.Plural(of[v].connections, "connection")
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// doorName returns what people call an endpoint. One that only a newer daemon knows keeps its name.
func doorName(kind api.EndpointKind) string {
	switch kind {
	case api.EndpointListen:
		return "listener"
	case api.EndpointControlSocket:
		return "control socket"
	case api.EndpointControlTCP:
		return "control port"
	case api.EndpointFIFO:
		return "FIFO"
	case api.EndpointAPI:
		return "operators"
	}
	return string(kind)
}

func tlsMark(isTLS bool) string {
	if isTLS {
		return " (TLS)"
	}
	return ""
}

// loopsText returns the load of each loop, as streams of connections.
func loopsText(loops []api.LoopStatus) string {
	parts := make([]string, len(loops))
	for i, l := range loops {
		parts[i] = fmt.Sprintf("%d/%d", l.Streams, l.Connections)
	}
	return output.Plural(len(loops), "loop") + ", streams/connections " + strings.Join(parts, " ")
}

func historyText(h api.HistoryStatus) string {
	if h.Events == 0 {
		return "empty"
	}
	return fmt.Sprintf("%s, %s, oldest %s", output.Plural(h.Events, "event"), output.Size(h.Bytes), output.Age(h.OldestAgeSeconds))
}
