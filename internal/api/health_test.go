package api

import (
	"encoding/json"
	"sync/atomic"
	"testing"
)

func TestHealthTellsStrangersTheStatusAlone(t *testing.T) {
	for _, tt := range []struct {
		isLocal bool
		key     string
		checks  int
	}{{true, "", 2}, {false, "", 0}, {false, readKey, 2}, {false, "wrong", 0}} {
		var problem atomic.Value
		problem.Store("")
		s := serve(t, func(o *Options) {
			o.IsLocal = tt.isLocal
			o.Health.Ready = func() []Check { return []Check{{Name: "loops"}, {Name: "drain", Problem: problem.Load().(string)}} }
		})
		for _, want := range []struct {
			problem, status string
			code            int
		}{{"", "ok", 200}, {"the daemon drains", "failed", 503}} {
			problem.Store(want.problem)
			code, header, body := s.ask("GET", "/readyz", "localhost", tt.key)
			var got health
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if code != want.code || got.Status != want.status || len(got.Checks) != tt.checks || header.Get("Content-Type") != "application/json" {
				t.Errorf("local %v, key %q: %d %s", tt.isLocal, tt.key, code, body)
			}
			if tt.checks > 0 && want.problem != "" && got.Checks["drain"] != want.problem {
				t.Errorf("the problem reads %q", got.Checks["drain"])
			}
		}
	}
}
