package core

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/internal/bench"
	"github.com/hassesd/hassesd/test/harness"
)

// TestBench runs hassesctl bench in every scenario and over every publishing protocol. It must find
// no fault.
func TestBench(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--log-level", "quiet")
	for _, tt := range []struct {
		name  string
		flags []string
		check func(r bench.Result) bool
	}{
		{"idle over HTTP/2", []string{"--http2", "--scenario", "idle"}, func(r bench.Result) bool {
			return r.HTTP == "2" && r.PerConnection == 10 && r.Memory.OpenPSS > 0
		}},
		{"fanout over HTTP/2", []string{"--http2", "--streams-per-connection", "40", "--rate", "50"}, func(r bench.Result) bool {
			return r.Delivery.Deliveries == r.Delivery.Messages*40
		}},
		{"HTTP/2 with prior knowledge", []string{"--http2", "--url", "http://" + d.HTTP + "/sse?subscribe={room}", "--rate", "50"}, func(r bench.Result) bool {
			return r.TLS == "" && r.Delivery.Deliveries == r.Delivery.Messages*40
		}},
		{"closed loop over HTTP/2", []string{"--http2", "--in-flight", "4", "--size", "2000"}, func(r bench.Result) bool {
			return r.Delivery.Deliveries == r.Delivery.Messages*40
		}},
		{"rooms over HTTP/2", []string{"--http2", "--scenario", "rooms", "--rate", "200"}, func(r bench.Result) bool {
			return r.Rooms == 40 && r.Delivery.Deliveries == r.Delivery.Messages
		}},
		{"churn over HTTP/2", []string{"--http2", "--scenario", "churn", "--rate", "100"}, func(r bench.Result) bool { return r.Churn.Reopened > 0 }},
		{"slow over HTTP/2", []string{"--http2", "--scenario", "slow", "--rate", "100", "--tls", "1.2"}, func(r bench.Result) bool {
			return r.Slow.Streams == 8 && r.Slow.Lost == 0 && r.Slow.Closed == 0
		}},
		{"storm over HTTP/2", []string{"--http2", "--scenario", "storm", "--rate", "200", "--processes", "2"}, func(r bench.Result) bool {
			return r.Storm.Streams == 20 && r.Connect.Opened == 60 && r.Delivery.Deliveries == r.Delivery.Messages*40
		}},
		{"idle", []string{"--scenario", "idle"}, func(r bench.Result) bool { return r.Idle != nil && r.Memory.OpenPSS > 0 }},
		{"fanout", []string{"--rate", "50"}, func(r bench.Result) bool { return r.Delivery.Deliveries == r.Delivery.Messages*40 }},
		{"tcp", []string{"--url", "http://" + d.HTTP + "/sse?subscribe={room}", "--rate", "50"}, func(r bench.Result) bool {
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
		{"url", []string{"--url", "http://" + d.HTTP + "/sse?room={room}", "--rate", "50", "--lazy"}, func(r bench.Result) bool {
			return r.TLS == "" && r.Delivery.Deliveries == r.Delivery.Messages*40
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"bench", "--json", "--streams", "40", "--duration", "400ms", "--warmup", "0", "--settle", "0"}, tt.flags...)
			door := []string{"--socket", d.Socket, "--ca", d.CaFile}
			if tt.name == "tcp" {
				door = []string{"--tcp", d.TCP}
			}
			got := harness.Run(t, "", harness.Hassesctl, append(args, door...)...)
			var r bench.Result
			if err := json.Unmarshal([]byte(got.Stdout), &r); err != nil || got.Code != 0 || len(r.Problems) != 0 || r.Connect.Opened < 40 || !tt.check(r) {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
}

// TestBenchMistakes checks the error messages for impossible requests.
func TestBenchMistakes(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--log-level", "quiet")
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--streams", "0x"}, 2, "streams"},
		{[]string{"--rate", "5", "--in-flight", "5", "--size", "3"}, 2, "messages of 3 bytes"},
		{[]string{"--streams-per-connection", "2"}, 2, "only HTTP/2 can have more than one"},
		{[]string{"--http2", "--header", "Connection: close"}, 2, "HTTP/2 has no such field"},
		{[]string{"--http2", "--streams-per-connection", "101", "--streams", "101"}, 1, "the server allows 100 streams on a connection"},
		{[]string{"--publish", "pigeon"}, 2, "want classic or json"},
		{[]string{"--streams", "1", "--url", "https://" + d.HTTPS + "/none?{room}"}, 1, "status 404"},
		{[]string{"--streams", "1", "--publish-url", "http://" + d.HTTP + "/none?{room}", "--rate", "100"}, 1, "answers with status"},
	} {
		args := append([]string{"bench", "--ca", d.CaFile, "--duration", "200ms", "--warmup", "0", "--settle", "0"}, tt.args...)
		got := d.Ctl(args...)
		if got.Code != tt.code || !strings.Contains(got.Stderr, tt.want) {
			t.Errorf("%q: want exit code %d and %q\n%s", tt.args, tt.code, tt.want, got)
		}
	}
}
