package harness

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Report is a line of output of a foreign subscriber: something it saw.
type Report struct {
	Kind  string `json:"kind"` // open, event, error, failure
	ID    string `json:"id"`
	Name  string `json:"name"`
	Data  string `json:"data"`
	State int    `json:"state"`
}

// ServePage serves js/page.html on an origin that is not the daemon's, and returns the page's URL.
func ServePage(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir("../js")))
	t.Cleanup(server.Close)
	return server.URL + "/page.html"
}
