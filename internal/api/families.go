package api

import (
	"runtime"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// families returns all families of the daemon's own, in the order of docs/monitoring.md.
func families() []family { return append(ownFamilies(), clusterFamilies()...) }

func ownFamilies() []family {
	return []family{
		labelled("build_info", "Always 1; the labels are the version of the daemon, and of Go.", prometheus.GaugeValue, []string{"version", "go_version"}, func(f *Figures, emit emit) {
			emit(1, f.Version, runtime.Version())
		}),
		gauge("start_time_seconds", "When the daemon started, in seconds since 1970.", func(f *Figures) float64 { return seconds(f.StartedAt) }),
		gauge("draining", "1 while the daemon ends its streams to stop, otherwise 0.", func(f *Figures) float64 { return boolean(f.Draining) }),

		gauge("connections", "Open connections of browsers.", func(f *Figures) float64 { return float64(f.Connections) }),
		gauge("connections_max", "Maximum number of connections, by limits.connections or the descriptor limit.", func(f *Figures) float64 { return float64(f.ConnectionsMax) }),
		labelled("streams", "Open streams, by version of HTTP, without TLS and with it.", prometheus.GaugeValue, []string{"http", "tls"}, func(f *Figures, emit emit) {
			for _, s := range f.Streams {
				emit(float64(s.Streams), s.HTTP, strconv.FormatBool(s.TLS))
			}
		}),
		counter("streams_opened_total", "Streams that were opened.", func(f *Figures) uint64 { return f.StreamsOpened }),
		counterBy("reason", "streams_closed_total", "Connections of HTTP/1 and streams of HTTP/2 that ended, by reason.", func(f *Figures) map[string]uint64 { return f.StreamsClosed }),
		counterBy("reason", "requests_refused_total", "Connections and requests of browsers that were refused, by reason.", func(f *Figures) map[string]uint64 { return f.RequestsRefused }),
		counterBy("keeper", "tls_records_total", "TLS handshakes of browsers that succeeded, by who has protected the records since: handed_over, or why it is the TLS library.", func(f *Figures) map[string]uint64 { return f.TLSRecords }),

		labelled("tls_handshakes_total", "TLS handshakes that ended, by result, and whether they went on with an earlier session.", prometheus.CounterValue, []string{"result", "resumed"}, func(f *Figures, emit emit) {
			for result, n := range f.HandshakeResults {
				if result == "ok" {
					emit(float64(f.HandshakesResumed), result, "true")
					n -= min(n, f.HandshakesResumed) // of the same snapshot
				}
				emit(float64(n), result, "false")
			}
		}),
		histogram("tls_handshake_duration_seconds", "How long successful TLS handshakes took, from their first computation on.", func(f *Figures) *Histogram { return &f.HandshakeTimes }),

		counterBy("door", "published_total", "Messages that were published, by the way they came in.", func(f *Figures) map[string]uint64 { return f.Published }),
		counterBy("reason", "publish_refused_total", "Messages that were refused, by reason; http_ and error.code: POST requests that were refused before any message of theirs.", func(f *Figures) map[string]uint64 { return f.PublishRefused }),
		counter("publish_held_total", "Messages that waited for limits.publish_rate or publish_bytes.", func(f *Figures) uint64 { return f.PublishHeld }),
		counter("events_sent_total", "Events that were given to streams; one event to ten streams counts ten.", func(f *Figures) uint64 { return f.EventsSent }),
		counter("sent_bytes_total", "Bytes that were given to the sockets of browsers, without what TLS adds.", func(f *Figures) uint64 { return f.SentBytes }),
		counterBy("policy", "events_dropped_total", "Events that slow streams did not get, by limits.slow.", func(f *Figures) map[string]uint64 { return f.EventsDropped }),
		gauge("queue_bytes", "Bytes waiting in the queues of all streams.", func(f *Figures) float64 { return float64(f.QueueBytes) }),
		gauge("blocked_streams", "Connections whose client does not take what the kernel holds for it.", func(f *Figures) float64 { return float64(f.BlockedStreams) }),
		histogram("delivery_duration_seconds", "How long events took from their publishing until the socket had taken their last byte, by a sample of one in 64.", func(f *Figures) *Histogram { return &f.DeliveryTimes }),
		counterBy("result", "replays_total", "Streams that resumed, by result: complete, gap (told that events are missing), overtaken (the history dropped events meanwhile).", func(f *Figures) map[string]uint64 { return f.Replays }),
		gauge("rooms", "Rooms that have streams.", func(f *Figures) float64 { return float64(f.Rooms) }),
		gauge("history_events", "Events kept for clients that resume.", func(f *Figures) float64 { return float64(f.HistoryEvents) }),
		gauge("history_bytes", "Bytes of the events kept for clients that resume.", func(f *Figures) float64 { return float64(f.HistoryBytes) }),

		histogram("loop_turn_duration_seconds", "How long the turns of the event loops took.", func(f *Figures) *Histogram { return &f.LoopTurns }),
		gauge("loop_lag_seconds", "The longest turn of the last 15 seconds at least: what had to wait for a loop at worst.", func(f *Figures) float64 { return f.LoopLag.Seconds() }),

		labelled("certificate_not_after_timestamp_seconds", "When a served certificate expires, in seconds since 1970, by its first name.", prometheus.GaugeValue, []string{"name"}, func(f *Figures, emit emit) {
			for _, c := range f.Certificates {
				emit(seconds(c.NotAfter), c.Name)
			}
		}),
		counterBy("result", "acme_orders_total", "Orders of certificates that ended, by result.", func(f *Figures) map[string]uint64 { return f.ACMEOrders }),
		counterBy("result", "config_reloads_total", "Reloads of the configuration, by result.", func(f *Figures) map[string]uint64 { return f.Reloads }),
		gauge("memory_pressure", "How short memory is: 0 not at all, 1 new streams wait, 2 slow streams are ended, 3 the history is halved.", func(f *Figures) float64 { return float64(f.Memory.Pressure) }),
		gauge("memory_used_bytes", "Memory that counts against limits.memory.", func(f *Figures) float64 { return float64(f.Memory.UsedBytes) }),
		gauge("memory_budget_bytes", "The memory budget, by limits.memory or the machine.", func(f *Figures) float64 { return float64(f.Memory.BudgetBytes) }),
		counter("log_records_lost_total", "Log records that could not be written.", func(f *Figures) uint64 { return f.LogRecordsLost }),
		counterBy("reason", "api_refused_total", "Connections and requests at api.listen that were refused, by reason.", func(f *Figures) map[string]uint64 { return f.RefusedAtAPI }),
	}
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
