package ops

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/systemd/systemdtest"
	"github.com/hassesd/hassesd/test/harness"
)

// TestMonitoringAFreshDaemon reads what operators see of a daemon in its sandbox.
func TestMonitoringAFreshDaemon(t *testing.T) {
	t.Parallel()
	flags, api := harness.WithAPI(t)
	d := harness.Start(t, flags...)
	s := d.Subscribe("subscribe=a")
	d.Send("a", "hello")
	harness.WantMessage(t, s, "hello")
	d.AwaitMetric(api, "hassesd_events_sent_total", "1")
	r := d.GetAPI("http://"+api+"/metrics", "")
	for series, want := range map[string]string{
		"hassesd_streams_opened_total":                  "1",
		`hassesd_streams{http="1.1",tls="true"}`:        "1",
		`hassesd_streams{http="2",tls="false"}`:         "0",
		`hassesd_published_total{door="unix"}`:          "1",
		`hassesd_published_total{door="fifo"}`:          "0",
		`hassesd_streams_closed_total{reason="aged"}`:   "",
		`hassesd_streams_closed_total{reason="kicked"}`: "0",
		"hassesd_history_events":                        "1",
	} {
		if got := r.Metric(series); got != want {
			t.Errorf("%s is %q, want %q", series, got, want)
		}
	}
	for _, series := range []string{"process_open_fds", "process_resident_memory_bytes", "process_cpu_seconds_total", "go_goroutines", `hassesd_certificate_not_after_timestamp_seconds{name="localhost"}`} {
		if r.Metric(series) == "" {
			t.Errorf("no %s", series)
		}
	}
	for path, want := range map[string]string{"/healthz": `{"status":"ok","checks":{"loops":"ok"}}`, "/readyz": `{"status":"ok","checks":{"certificate":"ok","drain":"ok","listen":"ok","loops":"ok"}}`} {
		if r := d.GetAPI("http://"+api+path, ""); r.Status != http.StatusOK || strings.TrimSpace(r.Body) != want {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	var status struct {
		Doors []struct{ Kind, Address string }
	}
	d.Call("status", nil, &status)
	listed := false
	for _, door := range status.Doors {
		listed = listed || door.Kind == "api" && door.Address == "http://"+api
	}
	if !listed {
		t.Errorf("status does not list the listener: %+v", status.Doors)
	}
}

// TestMonitoringBeyondLoopback needs TLS and a key for everything but the bare health.
func TestMonitoringBeyondLoopback(t *testing.T) {
	t.Parallel()
	const key = "the-key-of-the-monitoring"
	d := harness.Prepare(t)
	harness.WriteFile(t, d.Path("key"), []byte(key+"\n"))
	harness.WriteFile(t, d.Path("d.toml"), fmt.Appendf(nil, "[[control.key]]\nid = \"prometheus\"\nrole = \"read\"\nfile = %q\n", d.Path("key")))
	_, port := harness.SplitAddress(t, harness.FreeAddress(t))
	d.Args = append(d.Args, "--config", d.Path("d.toml"), "--api-listen", "https://:"+port)
	d.Run()
	for _, tt := range []struct {
		path, key string
		status    int
	}{
		{"/metrics", "", http.StatusUnauthorized},
		{"/metrics", "the-key-of-nobody", http.StatusUnauthorized},
		{"/metrics", key, http.StatusOK},
		{"/healthz", "", http.StatusOK},
		{"/readyz", "", http.StatusOK},
	} {
		r := d.GetAPI("https://localhost:"+port+tt.path, tt.key)
		if r.Status != tt.status {
			t.Errorf("%s with %q: %d %s", tt.path, tt.key, r.Status, r.Body)
		}
		if tt.key == "" && strings.Contains(r.Body, "checks") {
			t.Errorf("%s tells strangers %s", tt.path, r.Body)
		}
	}
	// A key that is taken away counts from the next request on.
	harness.WriteFile(t, d.Path("key"), []byte("another-key-of-monitoring\n"))
	d.Call("reload", nil, nil)
	if r := d.GetAPI("https://localhost:"+port+"/metrics", key); r.Status != http.StatusUnauthorized {
		t.Errorf("with a key that was taken away: %d", r.Status)
	}
	// Renewed certificates are served there, too.
	m := d.CA.Make(t, nil)
	m.Install(t, d)
	d.Call("reload", nil, nil)
	c, err := tls.Dial("tcp", "localhost:"+port, d.CA.ClientConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.ConnectionState().PeerCertificates[0]; !got.Equal(m.Leaf) {
		t.Error("an older certificate is served")
	}
}

// TestPublishingAtTheListenerOfOperators needs a publisher's key on every listener; publish.http does
// not matter there.
func TestPublishingAtTheListenerOfOperators(t *testing.T) {
	t.Parallel()
	const key, reader = "the-key-of-a-publisher", "the-key-of-a-reader-of-it"
	d := harness.Prepare(t)
	harness.WriteFile(t, d.Path("key"), []byte(key+"\n"))
	harness.WriteFile(t, d.Path("reader"), []byte(reader+"\n"))
	harness.WriteFile(t, d.Path("d.toml"), fmt.Appendf(nil,
		"[[control.key]]\nid = \"shop\"\nrole = \"publish\"\nfile = %q\n[[control.key]]\nid = \"reader\"\nrole = \"read\"\nfile = %q\n", d.Path("key"), d.Path("reader")))
	flags, api := harness.WithAPI(t)
	d.Args = append(append(d.Args, "--config", d.Path("d.toml")), flags...)
	d.Run()
	s := d.Subscribe("subscribe=a")
	for _, tt := range []struct {
		key, host string
		status    int
	}{
		{"", api, http.StatusUnauthorized},
		{reader, api, http.StatusForbidden},
		{key, "evil.example", http.StatusMisdirectedRequest},
		{key, api, http.StatusOK},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+api+"/sse", strings.NewReader("to=a&data=hello"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = tt.host
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tt.key != "" {
			req.Header.Set("Authorization", "Bearer "+tt.key)
		}
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := read(t, resp); status != tt.status {
			t.Errorf("with key %q for %s: %d %s", tt.key, tt.host, status, body)
		}
	}
	harness.WantMessage(t, s, "hello")
	d.AwaitMetric(api, `hassesd_published_total{door="api"}`, "1")
	d.AwaitMetric(api, `hassesd_publish_refused_total{reason="http_missing_token"}`, "1")
	d.AwaitMetric(api, `hassesd_publish_refused_total{reason="http_publish_not_allowed"}`, "1")
	d.AwaitMetric(api, `hassesd_publish_refused_total{reason="http_draining"}`, "0")
	if r := d.GetAPI("http://"+api+"/sse", ""); r.Status != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", r.Status, r.Header.Get("Allow"))
	}
}

// TestProfilesInTheSandbox takes every kind of profile of a daemon that a call outside its policy
// would end.
func TestProfilesInTheSandbox(t *testing.T) {
	t.Parallel()
	const key = "the-key-of-an-administrator"
	d := harness.Prepare(t)
	harness.WriteFile(t, d.Path("key"), []byte(key+"\n"))
	harness.WriteFile(t, d.Path("d.toml"), fmt.Appendf(nil, "[[control.key]]\nid = \"admin\"\nrole = \"admin\"\nfile = %q\n", d.Path("key")))
	flags, api := harness.WithAPI(t)
	d.Args = append(append(d.Args, "--config", d.Path("d.toml"), "--api-pprof"), flags...)
	d.Run()
	for _, path := range []string{"", "heap", "goroutine?debug=2", "profile?seconds=0.3", "trace?seconds=0.1"} {
		url := "http://" + api + "/debug/pprof/" + path
		if r := d.GetAPI(url, ""); r.Status != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d", path, r.Status)
		}
		if r := d.GetAPI(url, key); r.Status != http.StatusOK || r.Body == "" {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	if !d.Answers() {
		t.Error("the daemon does not answer any more")
	}
	off := harness.Prepare(t)
	flags, api = harness.WithAPI(t)
	off.Args = append(off.Args, flags...)
	off.Run()
	if r := off.GetAPI("http://"+api+"/debug/pprof/", ""); r.Status != http.StatusNotFound {
		t.Errorf("without api.pprof: %d", r.Status)
	}
}

func TestMonitoringByAUnixSocket(t *testing.T) {
	t.Parallel()
	d := harness.Prepare(t)
	path := d.Path("api.sock")
	d.Args = append(d.Args, "--api-listen", "unix:"+path, "--control-unix-mode", "0600")
	d.Run()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", path)
	}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s", resp.Status)
	}
	d.Stop()
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket has been left behind")
	}
}

// TestHealthWhileDraining: api.listen is served to the end; browsers' listeners tell balancers to go
// elsewhere.
func TestHealthWhileDraining(t *testing.T) {
	t.Parallel()
	flags, api := harness.WithAPI(t)
	d := harness.Start(t, append(flags, "--drain-window", "3s")...)
	if status, body := getHealth(t, d, nil); status != http.StatusOK || body != "ok" {
		t.Errorf("before: %d %q", status, body)
	}
	var streams []io.Closer
	for range 4 {
		streams = append(streams, d.Subscribe("subscribe=a"))
	}
	waiting, err := net.Dial("tcp", d.HTTP) // a connection that was there before
	if err != nil {
		t.Fatal(err)
	}
	defer waiting.Close()
	harness.Eventually(t, "the connections are there", func() bool {
		var status struct{ Connections int }
		d.Call("status", nil, &status)
		return status.Connections >= len(streams)+1
	})
	d.Signal(syscall.SIGTERM)
	harness.Eventually(t, "not ready", func() bool { return d.GetAPI("http://"+api+"/readyz", "").Status == http.StatusServiceUnavailable })
	if r := d.GetAPI("http://"+api+"/readyz", ""); !strings.Contains(r.Body, `"drain":"the daemon drains"`) || !strings.Contains(r.Body, `"status":"failed"`) {
		t.Errorf("%s", r.Body)
	}
	if r := d.GetAPI("http://"+api+"/healthz", ""); r.Status != http.StatusOK {
		t.Errorf("a draining daemon is not live: %d %s", r.Status, r.Body)
	}
	if got := d.GetAPI("http://"+api+"/metrics", "").Metric("hassesd_draining"); got != "1" {
		t.Errorf("hassesd_draining is %q", got)
	}
	if status, body := getHealth(t, d, waiting); status != http.StatusServiceUnavailable || body != "draining" {
		t.Errorf("a connection of before: %d %q", status, body)
	}
	if code := d.Wait(harness.Patience); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// getHealth asks for health_path on a connection, or on a new one over HTTP/2.
func getHealth(t *testing.T, d *harness.Daemon, c net.Conn) (int, string) {
	t.Helper()
	if c == nil {
		var protocols http.Protocols
		protocols.SetHTTP2(true)
		transport := &http.Transport{TLSClientConfig: d.CA.ClientConfig(), Protocols: &protocols}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport, Timeout: harness.Patience}).Get("https://" + d.HTTPS + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		return read(t, resp)
	}
	_ = c.SetDeadline(time.Now().Add(harness.Patience))
	if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func read(t *testing.T, resp *http.Response) (int, string) {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestMonitoringOverARestart: the service manager keeps the socket, so that a scrape between two
// processes waits, and is answered by the next one.
func TestMonitoringOverARestart(t *testing.T) {
	t.Parallel()
	m := systemdtest.New(t)
	flags, api := harness.WithAPI(t)
	d := harness.Prepare(t)
	d.Args = append(d.Args, flags...)
	runUnder(d, m)
	m.Forget()
	d.Stop()
	between, err := net.Dial("tcp", api)
	if err != nil {
		t.Fatalf("the listener refuses while nobody is there: %v", err)
	}
	defer between.Close()
	if _, err := io.WriteString(between, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	wantDelivery(d, m)
	_ = between.SetDeadline(time.Now().Add(harness.Patience))
	resp, err := http.ReadResponse(bufio.NewReader(between), nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := read(t, resp); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	kept := 0
	for _, s := range m.Stored() {
		if s.Name == "kept-api" {
			kept++
		}
	}
	if kept != 1 {
		t.Errorf("%d sockets of api.listen are kept, want 1", kept)
	}
}
