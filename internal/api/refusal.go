package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"
)

// Refusal is why the listener turned a connection or a request down. The set is closed, and each
// member is counted.
type Refusal uint8

// The refusals.
const (
	RefusedConnections        Refusal = iota // too many connections at a time
	RefusedConnectionsNetwork                // of one network
	RefusedSilent                            // an older one without a request, which gave way to a new one
	RefusedIdle                              // one between two requests, which gave way to a new one
	RefusedHost                              // a Host that is not the listener's
	RefusedKey                               // no key, or an unknown one
	RefusedRole                              // a key that gives too little
	RefusedRequest                           // no such path or method

	numRefusals
)

var refusalNames = [numRefusals]string{
	RefusedConnections:        "connections",
	RefusedConnectionsNetwork: "connections_per_network",
	RefusedSilent:             "silent",
	RefusedIdle:               "idle",
	RefusedHost:               "misdirected",
	RefusedKey:                "unauthorized",
	RefusedRole:               "forbidden",
	RefusedRequest:            "bad_request",
}

func (r Refusal) String() string { return refusalNames[r] }

// refusals count what was refused. Safe for concurrent use.
type refusals [numRefusals]atomic.Uint64

// snapshot returns the counts by name.
func (r *refusals) snapshot() map[string]uint64 {
	all := make(map[string]uint64, numRefusals)
	for i := range r {
		all[Refusal(i).String()] = r[i].Load()
	}
	return all
}

// refuse counts a refusal and writes its response. All but those for the wrong path or method end
// the connection: a client that is turned away must not hold a place.
func (s *Server) refuse(w http.ResponseWriter, reason Refusal, status int, code, message string) {
	s.refused[reason].Add(1)
	s.log.Debug("request at api.listen refused", "reason", reason.String(), "status", status)
	if reason != RefusedRequest {
		w.Header().Set("Connection", "close")
	}
	WriteError(w, status, code, message)
}

// WriteError writes an error as all of the daemon's HTTP responses have it.
func WriteError(w http.ResponseWriter, status int, code, message string) {
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	body.Error.Code, body.Error.Message = code, message
	WriteJSON(w, status, &body)
}

// WriteJSON writes v as the response. It must be a value that can be encoded.
func WriteJSON(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic("api: internal error: " + err.Error())
	}
	text = append(text, '\n')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // or the client has left
}
