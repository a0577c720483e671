package harness

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
)

// WithAPI returns the flags that give a daemon a listener of operators on loopback, and its address.
func WithAPI(t testing.TB) (flags []string, address string) {
	t.Helper()
	address = FreeAddress(t)
	return []string{"--api-listen", "http://" + address}, address
}

// APIResponse is a response of the listener of operators.
type APIResponse struct {
	Status int
	Header http.Header
	Body   string
}

// GetAPI asks the listener of operators at a URL, with a key unless it is empty.
func (d *Daemon) GetAPI(url, key string) APIResponse {
	d.T.Helper()
	req, err := http.NewRequestWithContext(d.T.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		d.T.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: d.CA.Roots}, DisableKeepAlives: true}
	c := http.Client{Transport: transport, Timeout: Patience}
	resp, err := c.Do(req)
	if err != nil {
		d.T.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.T.Fatal(err)
	}
	return APIResponse{resp.StatusCode, resp.Header, string(body)}
}

// Metric returns the value of a series, which is named with all its labels, as name{label="value"};
// "" if there is none.
func (r APIResponse) Metric(series string) string {
	for line := range strings.Lines(r.Body) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// AwaitMetric waits until a series of the daemon has the value.
func (d *Daemon) AwaitMetric(address, series, value string) {
	d.T.Helper()
	var got string
	if !Poll(Patience, func() bool {
		got = d.GetAPI("http://"+address+"/metrics", "").Metric(series)
		return got == value
	}) {
		d.T.Fatalf("%s is %q, want %q", series, got, value)
	}
}
