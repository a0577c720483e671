package classic

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

// The answers of the tcp* commands: one JSON object a line, in printable ASCII. Scripts cut these
// lines with sed and strpos, so hasses' keys come first, in its order, with its values and its
// blanks; new keys follow.

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

// StatusJSON returns the answer to "tcpstatus".
func StatusJSON(s *api.Status) ([]byte, error) {
	return jsonLine("", tcpStatus{
		Version:        s.Version,
		RunningTime:    runningTime(s.UptimeSeconds),
		Mode:           hassesMode(s.Mode),
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

// NumberOfClientsJSON returns the answer to "tcpnumberofclients".
func NumberOfClientsJSON(connections int) ([]byte, error) {
	return jsonLine("", struct {
		Number int `json:"numberofclients"`
	}{connections})
}

// SubscribedJSON returns the answer to "tcpsubscribedclients".
func SubscribedJSON(room string, streams int) ([]byte, error) {
	return jsonLine(" ", struct {
		Streams int    `json:"subscribedclients"`
		Room    string `json:"subscribedfor"`
	}{streams, room})
}

// jsonLine encodes v and ends the line. A blank follows each colon, as in hasses, and afterComma
// each comma: hasses has none in tcpstatus and one in tcpsubscribedclients.
func jsonLine(afterComma string, v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode a %T: %w", v, err)
	}
	return spaceJSON(safetext.JSON(b.Bytes()), afterComma), nil
}

// spaceJSON puts a blank behind each colon and afterComma behind each comma that is not inside a
// string. The text must be valid JSON without blanks of its own.
func spaceJSON(text []byte, afterComma string) []byte {
	spaced := make([]byte, 0, len(text)+len(text)/8)
	inString := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		spaced = append(spaced, c)
		switch {
		case inString && c == '\\': // what follows cannot end the string
			i++
			spaced = append(spaced, text[i])
		case c == '"':
			inString = !inString
		case !inString && c == ':':
			spaced = append(spaced, ' ')
		case !inString && c == ',':
			spaced = append(spaced, afterComma...)
		}
	}
	return spaced
}
