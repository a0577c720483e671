package options

import (
	"net/url"
	"strconv"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/eventlog/jetstream"
)

// IsClustered reports whether the log is shared with other daemons.
func IsClustered(s *config.Settings) bool { return len(s.Cluster.NATS) > 0 }

// natsPort is where NATS servers listen unless their URL says otherwise.
const natsPort = 4222

// ClusterPorts returns the ports of the NATS servers.
func ClusterPorts(s *config.Settings) (ports []uint16) {
	for _, text := range s.Cluster.NATS {
		u, err := url.Parse(text)
		if err != nil {
			continue // the settings are checked
		}
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil {
			port = natsPort
		}
		ports = append(ports, uint16(port))
	}
	return ports
}

// ClusterUsesTLS reports whether connections to the NATS servers demand TLS.
func ClusterUsesTLS(s *config.Settings) bool {
	if s.Cluster.CAFile != "" || s.Cluster.CertFile != "" {
		return true
	}
	for _, text := range s.Cluster.NATS {
		if u, err := url.Parse(text); err == nil && u.Scheme == "tls" {
			return true
		}
	}
	return false
}

// LogLimits returns the limits of the shared log.
func LogLimits(s *config.Settings) jetstream.Limits {
	return jetstream.Limits{
		Events: s.History.Events, Bytes: s.History.Bytes, Age: s.History.Age,
		DedupWindow: s.Publish.DedupWindow, MessageBytes: s.Limits.MessageBytes,
	}
}

// Log returns the options of the shared log, but for what the process and its files give.
func Log(s *config.Settings) jetstream.Options {
	return jetstream.Options{
		Servers: s.Cluster.NATS, Name: s.Cluster.Name, Node: s.Cluster.Node,
		Replicas: s.Cluster.Replicas, Credentials: s.Cluster.CredentialsFile,
	}
}
