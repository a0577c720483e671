package config

import (
	"net/url"
	"strings"
	"time"
)

// maxClusterName bounds the name of a cluster, which becomes a part of subjects and of the name of
// a stream, and that of a node. Bytes.
const maxClusterName = 64

func (c *checker) cluster() {
	s := &c.s.Cluster
	for _, text := range s.NATS {
		c.natsURL(text)
	}
	if !isName(s.Name, "-_") {
		c.addError("cluster.name", "use letters, digits, hyphens and underscores, as in chat", "%q is not a name of 1 to %d such characters", s.Name, maxClusterName)
	}
	if s.Node != "" && !isName(s.Node, "-_.") {
		c.addError("cluster.node", "use letters, digits, hyphens, underscores and dots, as in edge1", "%q is not a name of 1 to %d such characters", s.Node, maxClusterName)
	}
	if s.Replicas != 1 && s.Replicas != 3 && s.Replicas != 5 {
		c.addError("cluster.replicas", "3 survives the loss of one server", "%d is not 1, 3 or 5", s.Replicas)
	}
	c.durationBetween("cluster.patience", s.Patience, time.Second, time.Hour)
	if (s.CertFile == "") != (s.KeyFile == "") {
		c.addError("cluster.cert_file", "set cluster.cert_file and cluster.key_file", "a certificate and its key go together")
	}
	if len(s.NATS) == 0 {
		for _, file := range []struct{ key, path string }{
			{"cluster.credentials_file", s.CredentialsFile},
			{"cluster.ca_file", s.CAFile},
			{"cluster.cert_file", s.CertFile},
		} {
			if file.path != "" {
				c.addError(file.key, "name the servers in cluster.nats", "has no effect without cluster.nats")
			}
		}
		return
	}
	if c.s.History.File != "" && c.s.History.File != "off" {
		c.addError("history.file", "leave one of them out", "has no effect with cluster.nats: the log keeps the history")
	}
}

// natsURL checks the URL of a NATS server.
func (c *checker) natsURL(text string) {
	const hint = "write it as in nats://10.0.0.11:4222"
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		c.addError("cluster.nats", hint, "%q is not the URL of a NATS server", text)
	case u.User != nil:
		c.addError("cluster.nats", "use cluster.credentials_file, or a certificate", "a user or a password in a URL could be read by all who see the settings")
	case u.Scheme != "nats" && u.Scheme != "tls":
		c.addError("cluster.nats", hint, "%q begins with neither nats:// nor tls://", text)
	case u.Port() != "" && !isPort(u.Port()):
		c.addError("cluster.nats", hint, "%q has no port that there could be", text)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		c.addError("cluster.nats", hint, "%q has more than a host and a port", text)
	}
}

// isName reports whether s is a name of letters, digits and the others.
func isName(s, others string) bool {
	return s != "" && len(s) <= maxClusterName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"+others) == ""
}
