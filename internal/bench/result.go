package bench

import (
	"fmt"
	"strings"
)

// Result is what a run has found. Its JSON form is a promise: fields may be added, but are never
// renamed.
type Result struct {
	Scenario Scenario `json:"scenario"`
	URL      string   `json:"url"`
	TLS      string   `json:"tls"`   // 1.3 or 1.2; empty without
	Curve    string   `json:"curve"` // empty: as server and generator like
	HTTP     string   `json:"http"`  // 1.1 or 2
	Streams  int      `json:"streams"`
	// PerConnection is how many streams share a connection.
	PerConnection int `json:"streams_per_connection"`

	Rooms     int     `json:"rooms"`
	Rate      float64 `json:"rate"`      // messages a second; 0: closed loop
	InFlight  int     `json:"in_flight"` // messages; 0: open loop
	Size      int     `json:"size"`
	Lazy      bool    `json:"lazy"`
	Processes int     `json:"processes"` // of the generator

	Connect  Connect   `json:"connect"`
	Memory   *Memory   `json:"memory,omitempty"` // known with the server's process
	Idle     *Load     `json:"idle,omitempty"`
	Delivery *Delivery `json:"delivery,omitempty"`
	Churn    *Churned  `json:"churn,omitempty"`
	Slow     *Slowness `json:"slow,omitempty"`
	Storm    *Storms   `json:"storm,omitempty"`

	Interrupted bool     `json:"interrupted"`
	Problems    []string `json:"problems"` // empty: nothing was lost, doubled or broken
}

// Times holds the quantiles of a distribution, in milliseconds.
type Times struct {
	Count int64   `json:"count"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	Max   float64 `json:"max"`
}

func (t times) figures() Times {
	at := func(q float64) float64 { return float64(t.h.ValueAtQuantile(q)) / 1000 }
	return Times{t.h.TotalCount(), at(50), at(90), at(99), at(99.9), float64(t.h.Max()) / 1000}
}

// Load is the processor time used in a part of the run. The server's is 0 if its process is not
// known.
type Load struct {
	Seconds      float64 `json:"seconds"`
	ServerCPU    float64 `json:"server_cpu_seconds"`
	GeneratorCPU float64 `json:"generator_cpu_seconds"`
}

// Connect holds the figures of opening the streams.
type Connect struct {
	Load
	Opened    uint64  `json:"opened"`
	Failed    uint64  `json:"failed"`
	Errors    uint64  `json:"errors"` // attempts, including those that a later attempt made good
	PerSecond float64 `json:"per_second"`
	Latency   Times   `json:"latency_ms"`              // from the first packet to the head of the answer
	ServerPer float64 `json:"server_cpu_per_thousand"` // seconds
	SelfPer   float64 `json:"generator_cpu_per_thousand"`
}

// Memory is the server's, in bytes. PSS counts pages shared among its processes once.
type Memory struct {
	EmptyRSS  int64   `json:"empty_rss"` // before the first stream
	EmptyPSS  int64   `json:"empty_pss"`
	OpenRSS   int64   `json:"open_rss"` // with all streams, before the first message
	OpenPSS   int64   `json:"open_pss"`
	EndRSS    int64   `json:"end_rss"` // with all streams, at the end
	EndPSS    int64   `json:"end_pss"`
	PerStream float64 `json:"bytes_per_stream"` // of PSS, from empty to open; of RSS where there is no PSS
	Threads   int     `json:"threads"`          // at the end
	Files     int     `json:"descriptors"`
}

// Delivery holds what became of the messages.
type Delivery struct {
	Load
	Messages   uint64  `json:"messages"`
	Deliveries uint64  `json:"deliveries"`
	PerSecond  float64 `json:"per_second"`
	Latency    Times   `json:"latency_ms"` // from when a message was due to its receipt
	WireBytes  float64 `json:"wire_bytes_each"`
	ServerPer  float64 `json:"server_cpu_per_million"` // seconds
	SelfPer    float64 `json:"generator_cpu_per_million"`
	Behind     float64 `json:"publisher_behind_ms"` // the most that a message was sent after it was due

	// Of the whole run.
	Lost       uint64 `json:"lost"`
	Duplicates uint64 `json:"duplicates"`
	Disordered uint64 `json:"disordered"`
	Broken     uint64 `json:"broken"`
	Gaps       uint64 `json:"gaps"`    // hasses.gap
	Foreign    uint64 `json:"foreign"` // messages of others, ignored
	Closed     uint64 `json:"closed_by_server"`
}

// Churned holds the figures of churn.
type Churned struct {
	Reopened  uint64  `json:"reopened"`
	PerSecond float64 `json:"per_second"`
}

// Slowness holds what became of the streams that read nothing until the end.
type Slowness struct {
	Streams  int    `json:"streams"`
	Closed   uint64 `json:"closed_by_server"`
	Received uint64 `json:"received"`
	Lost     uint64 `json:"lost"`
	Gaps     uint64 `json:"gaps"`
	Broken   uint64 `json:"broken"`
	Doubles  uint64 `json:"duplicates"`
}

// Storms holds the figures of a storm of reconnects. The latency is that of the streams that
// stayed, and of the others once they are back, for messages received during the storm.
type Storms struct {
	Load
	Streams   int     `json:"streams"`
	Latency   Times   `json:"latency_ms"`
	ServerPer float64 `json:"server_cpu_per_thousand"` // seconds
}

// judge lists the problems.
func (r *Result) judge(all, slow tally) {
	bad := func(n uint64, one, many string) {
		switch {
		case n == 1:
			r.Problems = append(r.Problems, "1 "+one)
		case n > 1:
			r.Problems = append(r.Problems, fmt.Sprintf("%d %s", n, many))
		}
	}
	r.Problems = []string{}
	bad(all.Failed, "stream could not be opened", "streams could not be opened")
	bad(all.Lost, "message was lost", "messages were lost")
	bad(all.Doubles+slow.Doubles, "message came twice", "messages came twice")
	bad(all.Disordered, "message came out of order", "messages came out of order")
	bad(all.Broken+slow.Broken, "event or answer was broken", "events or answers were broken")
	bad(all.Closed, "stream was ended by the server", "streams were ended by the server")
	if first := strings.TrimSpace(all.FirstError); first != "" && len(r.Problems) > 0 {
		r.Problems = append(r.Problems, "the first error: "+first)
	}
}

func per(value float64, n uint64, unit float64) float64 {
	if n == 0 {
		return 0
	}
	return value / float64(n) * unit
}
