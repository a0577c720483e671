package threats

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// askAs sends a request to the listener of operators on behalf of a page of that host, whose name
// resolves to this machine.
func askAs(t *testing.T, c net.Conn, method, path, host string) (int, string) {
	t.Helper()
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(harness.Patience))
	body := "to=a&data=x"
	if _, err := fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		method, path, host, host, len(body), body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestT40DNSRebinding: a page lets its own name resolve to 127.0.0.1 and asks a developer's daemon,
// where nobody needs a key.
func TestT40DNSRebinding(t *testing.T) {
	t.Parallel()
	api, browsers := harness.FreeAddress(t), harness.FreeAddress(t)
	d := harness.Prepare(t)
	d.Args = []string{"--dev", "--listen", "https://" + browsers, "--control-socket", d.Socket, "--control-tcp", "", "--fifo", "", "--api-listen", "http://" + api}
	d.Run()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", api)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, host := range []string{"evil.example", "evil.example:8444", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1", ""} {
		for _, request := range []struct{ method, path string }{
			{"GET", "/metrics"}, {"GET", "/healthz"}, {"GET", "/readyz"}, {"GET", "/"}, {"POST", "/sse"}, {"GET", "/debug/pprof/"},
		} {
			status, body := askAs(t, dial(), request.method, request.path, host)
			if status != http.StatusMisdirectedRequest || strings.Contains(body, "hassesd_") {
				t.Errorf("%s %s of %q: %d %s", request.method, request.path, host, status, body)
			}
		}
	}
	if got := d.GetAPI("http://"+api+"/metrics", "").Metric(`hassesd_api_refused_total{reason="misdirected"}`); got != "36" {
		t.Errorf("%s refusals are counted, want 36", got)
	}
	// A page of another site cannot publish by naming the right host either.
	c := dial()
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(harness.Patience))
	if _, err := fmt.Fprintf(c, "POST /sse HTTP/1.1\r\nHost: %s\r\nOrigin: https://evil.example\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n", api); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("POST of a foreign page: %s", resp.Status)
	}
}

// TestT40DNSRebindingOfABrowser does the same with Chromium, for which the listener is a page of that
// site.
func TestT40DNSRebindingOfABrowser(t *testing.T) {
	t.Parallel()
	chromium := harness.Tool(t, "chromium")
	flags, api := harness.WithAPI(t)
	harness.Start(t, flags...)
	_, port := harness.SplitAddress(t, api)
	paths := []string{"/metrics", "/readyz"}
	p := harness.Launch(t, []string{"CHROMIUM=" + chromium}, harness.Node(t), append([]string{"../js/rebinding.mjs", port}, paths...)...)
	for _, path := range paths {
		var seen struct {
			Path, Text string
			Status     int
		}
		select {
		case line := <-p.Lines:
			if err := json.Unmarshal([]byte(line), &seen); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		case <-time.After(2 * harness.Patience):
			t.Fatal("the page says nothing")
		}
		if seen.Path != path || seen.Status != http.StatusMisdirectedRequest || strings.Contains(seen.Text, "hassesd_") {
			t.Errorf("the page sees %+v", seen)
		}
	}
}

// TestT41ScrapersThatNeverRead: each asks for more than all buffers hold, and reads nothing. Others
// are answered, and the streams do not notice.
func TestT41ScrapersThatNeverRead(t *testing.T) {
	t.Parallel()
	flags, api := harness.WithAPI(t)
	d := harness.Start(t, append(flags, "--log-level", "normal")...)
	h := newGoodStreams(d)
	const scrapers, requests = 20, 2000 // 2,000 responses are over 20 MB
	var held []net.Conn
	h.during(4*time.Second, func(ctx context.Context) {
		for range scrapers {
			dialer := net.Dialer{}
			c, err := dialer.DialContext(ctx, "tcp", api)
			if err != nil {
				t.Error(err)
				return
			}
			held = append(held, c)
			_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
			go func() { // the daemon stops reading when it cannot write
				_, _ = io.WriteString(c, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", requests))
			}()
		}
		for ctx.Err() == nil {
			began := time.Now()
			if r := d.GetAPI("http://"+api+"/metrics", ""); r.Status != http.StatusOK {
				t.Errorf("a scraper that reads: %d %s", r.Status, r.Body)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("a scraper that reads waited %s", took)
			}
		}
	})
	// Their places come back: nobody may take longer than the deadline to read.
	_ = held[0].SetDeadline(time.Now().Add(2 * time.Minute))
	if !harness.Poll(time.Minute, func() bool {
		_, err := held[0].Write([]byte("x"))
		return err != nil
	}) {
		t.Error("a client that reads nothing is kept for over a minute")
	}
	for _, c := range held {
		_ = c.Close()
	}
	h.finish()
}

// TestT42StrangersGrowNoSeries: a million rooms, and names, ids and agents of strangers, are no
// series of a metric.
func TestT42StrangersGrowNoSeries(t *testing.T) {
	t.Parallel()
	flags, api := harness.WithAPI(t)
	d := harness.Start(t, append(flags, "--log-level", "normal", "--limits-message-bytes", "1KiB")...)
	series := func() []string {
		var all []string
		for line := range strings.Lines(d.GetAPI("http://"+api+"/metrics", "").Body) {
			if name, _, ok := strings.Cut(line, " "); ok && !strings.HasPrefix(line, "#") && strings.HasPrefix(line, "hassesd_") {
				all = append(all, name)
			}
		}
		return all
	}
	before := series()
	const messages, rooms = 1000, 1000
	for i := range messages {
		to := make([]string, rooms)
		for j := range to {
			to[j] = fmt.Sprintf("room-%d-%d", i, j)
		}
		d.Call("send", map[string]any{"to": to, "data": "x"}, nil)
	}
	for i := range 40 { // 64 rooms each
		var query strings.Builder
		fmt.Fprintf(&query, "id=stranger%d", i)
		for j := range 64 {
			fmt.Fprintf(&query, "&room=r%d.%d", i, j)
		}
		d.Subscribe(query.String())
	}
	for i := range 200 {
		c, err := net.Dial("tcp", d.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(c, "M%d /p%d?subscribe=x HTTP/1.1\r\nHost: h%d\r\nUser-Agent: a%d\r\n\r\n", i, i, i, i)
		_ = c.Close()
	}
	for i := range 50 {
		d.GetAPI(fmt.Sprintf("http://%s/p%d", api, i), "")
		if c, err := tls.Dial("tcp", d.HTTPS, &tls.Config{ServerName: fmt.Sprintf("h%d.example", i), InsecureSkipVerify: true}); err == nil {
			_ = c.Close()
		}
	}
	if r := d.GetAPI("http://"+api+"/metrics", ""); r.Metric("hassesd_rooms") != "2560" {
		t.Errorf("hassesd_rooms is %s", r.Metric("hassesd_rooms"))
	}
	if after := series(); !slices.Equal(before, after) {
		t.Errorf("%d series before, %d after: %q", len(before), len(after), slices.DeleteFunc(after, func(s string) bool { return slices.Contains(before, s) }))
	}
}
