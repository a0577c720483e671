package api

import (
	"encoding/json"
	"net/http"
	"strconv"
)

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
