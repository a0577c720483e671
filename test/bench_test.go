package test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/bench"
)

// TestBench has hassesctl bench find nothing wrong with the daemon, in every scenario and over every door.
func TestBench(t *testing.T) {
	t.Parallel()
	d := start(t, "--log-level", "quiet")
	for _, tt := range []struct {
		name  string
		flags []string
		check func(r bench.Result) bool
	}{
		{"idle", []string{"--scenario", "idle"}, func(r bench.Result) bool { return r.Idle != nil && r.Memory.OpenPSS > 0 }},
		{"fanout", []string{"--rate", "50"}, func(r bench.Result) bool { return r.Delivery.Deliveries == r.Delivery.Messages*40 }},
		{"tcp", []string{"--url", "http://" + d.http + "/sse?subscribe={room}", "--rate", "50"}, func(r bench.Result) bool {
			return r.Memory.OpenPSS > 0 && r.Delivery.Deliveries == r.Delivery.Messages*40
		}},
		{"closed loop", []string{"--in-flight", "4", "--size", "2000"}, func(r bench.Result) bool { return r.Delivery.Deliveries == r.Delivery.Messages*40 }},
		{"rooms", []string{"--scenario", "rooms", "--rate", "200", "--publish", "json"}, func(r bench.Result) bool {
			return r.Rooms == 40 && r.Delivery.Deliveries == r.Delivery.Messages
		}},
		{"churn", []string{"--scenario", "churn", "--rate", "100"}, func(r bench.Result) bool { return r.Churn.Reopened > 0 }},
		{"slow", []string{"--scenario", "slow", "--rate", "100", "--tls", "1.2"}, func(r bench.Result) bool {
			return r.Slow.Streams == 8 && r.Slow.Lost == 0 && r.Slow.Closed == 0
		}},
		{"storm", []string{"--scenario", "storm", "--rate", "200"}, func(r bench.Result) bool {
			return r.Storm.Streams == 20 && r.Connect.Opened == 60 && r.Delivery.Deliveries == r.Delivery.Messages*40
		}},
		{"processes", []string{"--processes", "2", "--rate", "50", "--curve", "X25519MLKEM768"}, func(r bench.Result) bool {
			return r.Processes == 2 && r.Delivery.Deliveries == r.Delivery.Messages*40
		}},
		{"url", []string{"--url", "http://" + d.http + "/sse?room={room}", "--rate", "50", "--lazy"}, func(r bench.Result) bool {
			return r.TLS == "" && r.Delivery.Deliveries == r.Delivery.Messages*40
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"bench", "--json", "--streams", "40", "--duration", "400ms", "--warmup", "0", "--settle", "0"}, tt.flags...)
			door := []string{"--socket", d.socket, "--ca", d.caFile}
			if tt.name == "tcp" {
				door = []string{"--tcp", d.tcp}
			}
			got := command(t, "", hassesctl, append(args, door...)...)
			var r bench.Result
			if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.code != 0 || len(r.Problems) != 0 || r.Connect.Opened < 40 || !tt.check(r) {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
}

// TestBenchMistakes checks what is said to those who ask for what cannot be.
func TestBenchMistakes(t *testing.T) {
	t.Parallel()
	d := start(t, "--log-level", "quiet")
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--streams", "0x"}, 2, "streams"},
		{[]string{"--rate", "5", "--in-flight", "5", "--size", "3"}, 2, "messages of 3 bytes"},
		{[]string{"--publish", "pigeon"}, 2, "want classic or json"},
		{[]string{"--streams", "1", "--url", "https://" + d.https + "/none?{room}"}, 1, "status 404"},
		{[]string{"--streams", "1", "--publish-url", "http://" + d.http + "/none?{room}", "--rate", "100"}, 1, "answers with status"},
	} {
		args := append([]string{"bench", "--ca", d.caFile, "--duration", "200ms", "--warmup", "0", "--settle", "0"}, tt.args...)
		got := d.ctl(args...)
		if got.code != tt.code || !strings.Contains(got.stderr, tt.want) {
			t.Errorf("%q: want exit code %d and %q\n%s", tt.args, tt.code, tt.want, got)
		}
	}
}
