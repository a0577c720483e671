package daemon

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	adminapi "github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/api"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/eventlog/jetstream"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/pemfile"
)

// kicksWaiting bounds the kicks of other nodes that are not carried out yet. Those that find no
// room are lost here; they come in the log again to nodes that start.
const kicksWaiting = 1024

// streamEnder is the part of edge.Server that keeps the streams in step with the log. What takes a
// context waits for the loops, until the context ends.
type streamEnder interface {
	Stats(now time.Time) edge.Stats
	DeferStreams(away bool)
	SendAway(ctx context.Context, most int) (int, error)
	Kick(ctx context.Context, sel edge.Selection, refuse time.Duration) (int, error)
}

// cluster is what a daemon does that shares its log with others. The zero value is a daemon of its
// own.
type cluster struct {
	// Fixed once open.
	log      *slog.Logger
	settings func() *config.Settings // those that apply
	events   *jetstream.Log          // nil: a daemon of its own
	streams  streamEnder
	node     string
	boot     string // different at each start
	kicks    chan jetstream.Kick
	hello    func() jetstream.Hello
	answer   func(ctx context.Context, data json.RawMessage) json.RawMessage

	isAway atomic.Bool // new streams are deferred; set by serve, then by keepInStep alone

	// Owned by keepInStep.
	sending  bool      // streams are being sent away
	sendFrom time.Time // since when
	sendAll  int       // how many there were
	sent     int
}

// readCluster checks the files that the settings name, and asks the brokers, if they can be
// reached, whether they take messages as long as the settings allow. That they let this node in is
// demanded by a check alone: a start waits for them, as for brokers that do not answer.
func readCluster(s *config.Settings, isCheck bool) error {
	if !options.IsClustered(s) {
		return nil
	}
	var all []error
	if s.Cluster.CredentialsFile != "" {
		if err := jetstream.CheckCredentials(s.Cluster.CredentialsFile); err != nil {
			all = append(all, &fault{key: "cluster.credentials_file", err: err})
		}
	}
	if _, err := clusterTLS(s); err != nil {
		all = append(all, err)
	}
	if len(all) > 0 {
		return errors.Join(all...)
	}
	o := logOptions(s)
	most, err := o.Probe()
	var refused *jetstream.ConnectError
	switch {
	case err == nil:
		if err := jetstream.CheckPayload(most, s.Limits.MessageBytes); err != nil {
			return &fault{key: "limits.message_bytes", err: err}
		}
	case isCheck && errors.As(err, &refused) && refused.Failure != jetstream.Unreachable:
		return &fault{key: "cluster.nats", err: err}
	}
	return nil
}

// logOptions returns what a connection to the brokers needs.
func logOptions(s *config.Settings) jetstream.Options {
	o := options.Log(s)
	o.TLS = func() (*tls.Config, error) { return clusterTLS(s) }
	return o
}

// clusterTLS reads the files of TLS between this node and the brokers; nil: it is not demanded. The
// errors are faults.
func clusterTLS(s *config.Settings) (*tls.Config, error) {
	if !options.ClusterUsesTLS(s) {
		return nil, nil //nolint:nilnil // no TLS
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	var all []error
	if path := s.Cluster.CAFile; path != "" {
		text, _, err := readKeyFile(path)
		if err == nil {
			c.RootCAs = x509.NewCertPool()
			err = pemfile.AddCertificates(c.RootCAs, text)
		}
		if err != nil {
			all = append(all, &fault{key: "cluster.ca_file", err: fmt.Errorf("%s: %w", path, err)})
		}
	}
	if path := s.Cluster.CertFile; path != "" {
		chain, _, err := readKeyFile(path)
		key, _, err2 := readKeyFile(s.Cluster.KeyFile)
		var pair tls.Certificate
		if err = errors.Join(err, err2); err == nil {
			pair, err = pemfile.KeyPair(path, chain, s.Cluster.KeyFile, key)
		}
		if err != nil {
			all = append(all, &fault{key: "cluster.cert_file", err: err})
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if len(all) > 0 {
		return nil, errors.Join(all...)
	}
	return c, nil
}

// open makes the log that is shared. The brokers are not asked before run.
func (c *cluster) open(s *config.Settings, boot uint64) *jetstream.Log {
	c.node = s.Cluster.Node
	if c.node == "" {
		c.node = machineName()
	}
	c.kicks = make(chan jetstream.Kick, kicksWaiting)
	o := logOptions(s)
	c.boot = strconv.FormatUint(boot, 36)
	o.Node, o.Boot = c.node, c.boot
	o.Limits = func() jetstream.Limits { return options.LogLimits(c.settings()) }
	o.NewEpoch, o.Now, o.Logger = newEpoch, time.Now, c.log
	o.Kicked = func(k jetstream.Kick) {
		select {
		case c.kicks <- k:
		default:
			c.log.Warn("a kick of the cluster is lost: too many wait")
		}
	}
	o.Hello, o.Answer = c.hello, c.answer
	c.events = jetstream.New(o)
	return c.events
}

// serve makes the edge the one whose streams follow the log. They are deferred until it is followed.
func (c *cluster) serve(e *edge.Server) {
	c.streams = e
	if c.events != nil {
		c.setAway(true)
	}
}

// setAway sets whether new streams are deferred.
func (c *cluster) setAway(isAway bool) {
	c.streams.DeferStreams(isAway)
	c.isAway.Store(isAway)
}

// machineName returns the name of the host as it can be the name of a node.
func machineName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "node"
	}
	b := []byte(name)
	for i, ch := range b {
		if (ch < 'a' || ch > 'z') && (ch < 'A' || ch > 'Z') && (ch < '0' || ch > '9') && ch != '-' && ch != '.' {
			b[i] = '_'
		}
	}
	return string(b[:min(len(b), jetstream.MaxName)])
}

// problem returns why this node does not follow the log or let streams in, empty if it does both.
// isClustered reports whether there is a log that is shared.
func (c *cluster) problem() (problem string, isClustered bool) {
	if c.events == nil {
		return "", false
	}
	switch st := c.events.Status(); {
	case st.Ready && c.isAway.Load():
		return "the log is followed, but streams are not let in yet", true
	case st.Ready:
		return "", true
	case st.Why != "":
		return "the log is not followed: " + st.Why, true
	}
	return "the log is not followed yet", true
}

// status returns how the node stands; nil: the log is not shared.
func (c *cluster) status() *adminapi.ClusterStatus {
	problem, isClustered := c.problem()
	if !isClustered {
		return nil
	}
	st := c.events.Status()
	return &adminapi.ClusterStatus{
		Name: c.settings().Cluster.Name, Node: c.node, Ready: problem == "", Problem: problem, Server: st.Server,
		LagRecords: st.LagRecords, LagSeconds: st.LagTime.Seconds(),
	}
}

// figures returns those of the log; nil: it is not shared.
func (c *cluster) figures() *api.ClusterFigures {
	if c.events == nil {
		return nil
	}
	problem, _ := c.problem()
	st, f := c.events.Status(), c.events.Figures()
	return &api.ClusterFigures{
		Name: c.settings().Cluster.Name, Node: c.node, Server: st.Server, Problem: problem,
		Ready: st.Ready, LagRecords: st.LagRecords, Lag: st.LagTime, EpochChanges: f.EpochChanges, Gaps: f.Gaps, ConnectFailures: connectFailures(&f),
		Appends: api.Histogram{Bounds: jetstream.AppendBounds, Counts: f.Appends, Sum: f.AppendTime},
	}
}

// connectFailures returns counts by the names of the failures.
func connectFailures(f *jetstream.Figures) map[string]uint64 {
	counts := make(map[string]uint64, len(f.ConnectFailures))
	for failure, n := range f.ConnectFailures {
		counts[jetstream.ConnectFailure(failure).String()] = n
	}
	return counts
}

// limitsChanged is called for a reload that has changed those settings.
func (c *cluster) limitsChanged(keys []string) {
	if c.events != nil && slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(key, "history.") }) {
		c.events.LookAgain()
	}
}
