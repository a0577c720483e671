package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The answers of the tcp* commands: one JSON object a line, in printable ASCII. hasses' keys come first.

type tcpStatus struct {
	Version     string `json:"version"`
	RunningTime string `json:"runningtime"` // HH:MM:SS, or Nday HH:MM:SS
	Mode        string `json:"mode"`
	LogLevel    int    `json:"loglevel"` // 0 quiet, 1 normal, 2 debug
	Connections int    `json:"allconncli"`
	Streams     int    `json:"sseconncli"`
	Peak        int    `json:"maxconncli"`
	Messages    uint64 `json:"msgproccnt"`
	Deliveries  uint64 `json:"msgsendcnt"`

	// New here.
	PID            int     `json:"pid"`
	UptimeSeconds  float64 `json:"uptime_seconds"`
	Reinit         bool    `json:"reinit"`
	ConnectionsMax int     `json:"connections_max"`
	CommandErrors  uint64  `json:"command_errors_total"`
	LastEventID    string  `json:"last_event_id"`
}

func tcpStatusJSON(s *Status) ([]byte, error) {
	return jsonLine(tcpStatus{
		Version:        s.Version,
		RunningTime:    runningTime(s.UptimeSeconds),
		Mode:           s.Mode,
		LogLevel:       logLevelNumber(s.LogLevel),
		Connections:    s.Connections,
		Streams:        s.Streams,
		Peak:           s.ConnectionsPeak,
		Messages:       s.MessagesTotal,
		Deliveries:     s.DeliveriesTotal,
		PID:            s.PID,
		UptimeSeconds:  s.UptimeSeconds,
		Reinit:         s.Reinit,
		ConnectionsMax: s.ConnectionsMax,
		CommandErrors:  s.CommandErrorsTotal,
		LastEventID:    s.LastEventID,
	})
}

func tcpNumberJSON(connections int) ([]byte, error) {
	return jsonLine(struct {
		Number int `json:"numberofclients"`
	}{connections})
}

func tcpSubscribedJSON(room string, streams int) ([]byte, error) {
	return jsonLine(struct {
		Streams int    `json:"subscribedclients"`
		Room    string `json:"subscribedfor"`
	}{streams, room})
}

func tcpClientListJSON(clients []Client) ([]byte, error) {
	return jsonLine(struct {
		Clients []Client `json:"clients"`
		Number  int      `json:"numberofclients"`
	}{clients, len(clients)})
}

// jsonLine encodes v and ends the line.
func jsonLine(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode a %T: %w", v, err)
	}
	return asciiJSON(b.Bytes()), nil
}
