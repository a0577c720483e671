package options

import (
	"slices"
	"testing"

	"github.com/hassesd/hassesd/internal/config"
)

func TestCluster(t *testing.T) {
	s := config.Defaults()
	if IsClustered(&s) || ClusterUsesTLS(&s) || len(ClusterPorts(&s)) > 0 {
		t.Error("a daemon of its own is clustered")
	}
	s.Cluster.NATS = []string{"nats://a:14222", "nats://b", "nats://[::1]:9"}
	if got := ClusterPorts(&s); !IsClustered(&s) || ClusterUsesTLS(&s) || !slices.Equal(got, []uint16{14222, 4222, 9}) {
		t.Errorf("ports %v", got)
	}
	s.Cluster.NATS = append(s.Cluster.NATS, "tls://c")
	if !ClusterUsesTLS(&s) {
		t.Error("tls:// does not demand TLS")
	}
	if l := LogLimits(&s); l.Events != s.History.Events || l.Bytes != s.History.Bytes || l.Age != s.History.Age || l.DedupWindow != s.Publish.DedupWindow {
		t.Errorf("limits %+v", l)
	}
	if o := Log(&s); o.Name != "hassesd" || o.Replicas != 1 || len(o.Servers) != 4 {
		t.Errorf("options %+v", o)
	}
}
