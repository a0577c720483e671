package harness

import (
	"fmt"
)

// Streams returns the number of streams in a room, or in all rooms ("").
func (d *Daemon) Streams(room string) int {
	d.T.Helper()
	var count struct {
		Streams int `json:"streams"`
	}
	params := Object{}
	if room != "" {
		params["room"] = room
	}
	d.Call("count", params, &count)
	return count.Streams
}

// AwaitStreams waits until a room has n streams.
func (d *Daemon) AwaitStreams(room string, n int) {
	d.T.Helper()
	Eventually(d.T, fmt.Sprintf("%d streams in room %q", n, room), func() bool { return d.Streams(room) == n })
}

// ClientAddr returns the address that the list of clients has for an id, which one client must have.
func (d *Daemon) ClientAddr(id string) string {
	d.T.Helper()
	var list struct {
		Clients []struct{ Addr string }
	}
	d.Call("clients", Object{"id": id}, &list)
	if len(list.Clients) != 1 {
		d.T.Fatalf("clients %+v, want one", list.Clients)
	}
	return list.Clients[0].Addr
}

// Status is the result of the status method.
type Status struct {
	Version            string            `json:"version"`
	PID                int               `json:"pid"`
	Mode               string            `json:"mode"`
	LogLevel           string            `json:"log_level"`
	LogRecordsLost     uint64            `json:"log_records_lost"`
	Connections        int               `json:"connections"`
	Streams            int               `json:"streams"`
	ReinitsTotal       uint64            `json:"reinits_total"`
	MessagesTotal      uint64            `json:"messages_total"`
	CommandErrorsTotal uint64            `json:"command_errors_total"`
	Epoch              string            `json:"epoch"`
	LastEventID        string            `json:"last_event_id"`
	Closed             map[string]uint64 `json:"closed"`
	Refused            map[string]uint64 `json:"refused"`
	TLSRecords         map[string]uint64 `json:"tls_records"`
}

func (d *Daemon) Status() Status {
	d.T.Helper()
	var s Status
	d.Call("status", nil, &s)
	return s
}

// MemoryStatus returns what limits reports about memory.
func (d *Daemon) MemoryStatus() (m struct {
	Pressure     string
	UsedBytes    int64  `json:"used_bytes"`
	BudgetBytes  int64  `json:"budget_bytes"`
	BudgetFrom   string `json:"budget_from"`
	StreamsEnded uint64 `json:"streams_ended"`
},
) {
	d.T.Helper()
	var limits struct{ Memory any }
	limits.Memory = &m
	d.Call("limits", nil, &limits)
	return m
}

// Limits is the result of the limits method.
type Limits struct {
	Limits []struct {
		Key   string `json:"key"`
		Used  int64  `json:"used"`
		Limit int64  `json:"limit"`
		Of    string `json:"of"`
	} `json:"limits"`
	Refused   map[string]uint64 `json:"refused"`
	Penalties struct {
		Mode      string `json:"mode"`
		Penalized []struct {
			Network     string  `json:"network"`
			SecondsLeft float64 `json:"seconds_left"`
			Why         string  `json:"why"`
		} `json:"penalized"`
		Total      int               `json:"total"`
		DryRun     uint64            `json:"dry_run"`
		Violations map[string]uint64 `json:"offences"`
	} `json:"penalties"`
}

func (d *Daemon) Limits() Limits {
	d.T.Helper()
	var l Limits
	d.Call("limits", nil, &l)
	return l
}

func (l Limits) Penalized(network string) bool {
	for _, p := range l.Penalties.Penalized {
		if p.Network == network {
			return true
		}
	}
	return false
}
