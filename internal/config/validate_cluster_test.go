package config

import (
	"strings"
	"testing"
	"time"
)

func TestClusterSettings(t *testing.T) {
	good := func(s *Settings) {
		s.Cluster.NATS = []string{"nats://10.0.0.1:4222", "tls://nats.example.org", "nats://[::1]:4222"}
	}
	for name, tt := range map[string]struct {
		change func(s *Settings)
		want   string // of an error; "": none
	}{
		"on its own":            {func(*Settings) {}, ""},
		"three servers":         {good, ""},
		"another scheme":        {func(s *Settings) { s.Cluster.NATS = []string{"http://a"} }, "neither nats:// nor tls://"},
		"no URL":                {func(s *Settings) { s.Cluster.NATS = []string{"10.0.0.1:4222"} }, "cluster.nats"},
		"no host":               {func(s *Settings) { s.Cluster.NATS = []string{"nats://:4222"} }, "is not the URL"},
		"a password":            {func(s *Settings) { s.Cluster.NATS = []string{"nats://a:secret@h"} }, "cluster.credentials_file"},
		"a path":                {func(s *Settings) { s.Cluster.NATS = []string{"nats://h/x"} }, "more than a host and a port"},
		"a port too high":       {func(s *Settings) { s.Cluster.NATS = []string{"nats://h:99999"} }, "no port"},
		"a dot in the name":     {func(s *Settings) { s.Cluster.Name = "a.b" }, "cluster.name"},
		"no name":               {func(s *Settings) { s.Cluster.Name = "" }, "cluster.name"},
		"a blank in the node":   {func(s *Settings) { s.Cluster.Node = "a b" }, "cluster.node"},
		"two replicas":          {func(s *Settings) { s.Cluster.Replicas = 2 }, "cluster.replicas"},
		"no patience":           {func(s *Settings) { s.Cluster.Patience = 0 }, "cluster.patience"},
		"patience of a day":     {func(s *Settings) { s.Cluster.Patience = 24 * time.Hour }, "cluster.patience"},
		"a key alone":           {func(s *Settings) { good(s); s.Cluster.KeyFile = "k" }, "go together"},
		"files without servers": {func(s *Settings) { s.Cluster.CAFile = "ca" }, "has no effect without cluster.nats"},
		"a history file":        {func(s *Settings) { good(s); s.History.File = "/x/history.db" }, "the log keeps the history"},
	} {
		s := valid()
		tt.change(&s)
		text := ""
		for _, problem := range check(&s) {
			text += problem.Error() + "\n"
		}
		if tt.want == "" && text != "" || !strings.Contains(text, tt.want) || strings.Contains(text, "secret") {
			t.Errorf("%s: %q, want %q", name, text, tt.want)
		}
	}
}
