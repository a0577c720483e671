package api

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ClusterFigures are those of a daemon that shares its log with others.
type ClusterFigures struct {
	Name         string
	Node         string // the name of this one
	Server       string // the broker that it is connected to, without user and password
	Ready        bool   // the log is followed
	Problem      string // why it is not; empty if it is
	LagRecords   uint64
	Lag          time.Duration
	EpochChanges uint64
	Gaps         uint64
	// ConnectFailures counts attempts to connect to the brokers by why they failed; it has all
	// reasons.
	ConnectFailures map[string]uint64
	Appends         Histogram
}

// clusterFamilies have series only in a daemon that shares its log.
func clusterFamilies() []family {
	return []family{
		ofCluster("cluster_connected", "1 while the log of the cluster is followed, otherwise 0.", prometheus.GaugeValue, func(c *ClusterFigures) float64 { return boolean(c.Ready) }),
		ofCluster("cluster_lag_records", "Records that the log had at the last look, every two seconds, and this node had not read.", prometheus.GaugeValue, func(c *ClusterFigures) float64 { return float64(c.LagRecords) }),
		ofCluster("cluster_lag_seconds", "How long after the brokers had stored it the newest record was read here; 0 once everything was read after a longer one.", prometheus.GaugeValue, func(c *ClusterFigures) float64 { return c.Lag.Seconds() }),
		ofCluster("cluster_epoch_changes_total", "How often the log has begun another epoch since this node was started; its first one counts.", prometheus.CounterValue, func(c *ClusterFigures) float64 { return float64(c.EpochChanges) }),
		ofCluster("cluster_gaps_total", "How often the streams of this node were told of a gap because records were dropped before it could read them.", prometheus.CounterValue, func(c *ClusterFigures) float64 { return float64(c.Gaps) }),
		counterBy("reason", "cluster_connect_failures_total", "Attempts to connect to the brokers that failed: none answered (unreachable), by TLS (tls), or by who this node is (credentials).", func(f *Figures) map[string]uint64 {
			if f.Cluster == nil {
				return nil
			}
			return f.Cluster.ConnectFailures
		}),
		histogram("cluster_append_duration_seconds", "How long messages that were published here took until the log had them.", func(f *Figures) *Histogram {
			if f.Cluster == nil {
				return nil
			}
			return &f.Cluster.Appends
		}),
	}
}

func ofCluster(name, help string, kind prometheus.ValueType, value func(c *ClusterFigures) float64) family {
	return labelled(name, help, kind, nil, func(f *Figures, emit emit) {
		if f.Cluster != nil {
			emit(value(f.Cluster))
		}
	})
}
