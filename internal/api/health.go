package api

import (
	"net/http"
)

// Check is one thing that health depends on.
type Check struct {
	Name    string
	Problem string // empty: it is well
}

// Health is what the health checks report. Both functions must return at once.
type Health struct {
	Live  func() []Check // the process works; otherwise it has to be restarted
	Ready func() []Check // it can serve new clients
}

const (
	statusOK     = "ok"
	statusFailed = "failed"
)

// health is the JSON of a health check. Those who may not read figures get the status alone.
type health struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

func healthHandler(checks func() []Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		out := health{Status: statusOK, Checks: make(map[string]string)}
		status := http.StatusOK
		for _, c := range checks() {
			out.Checks[c.Name] = statusOK
			if c.Problem != "" {
				out.Checks[c.Name] = c.Problem
				out.Status, status = statusFailed, http.StatusServiceUnavailable
			}
		}
		if !MayRead(req.Context()) {
			out.Checks = nil
		}
		WriteJSON(w, status, &out)
	})
}
