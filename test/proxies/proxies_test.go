package proxies

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// browserAddress is where the browsers of these tests connect from. The proxies have 127.0.0.1.
const browserAddress = "127.0.0.5"

// browser returns a client that speaks one version of HTTP.
func (s *setup) browser(http2 bool) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(!http2)
	p.SetHTTP2(http2)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(browserAddress)}, Timeout: harness.Patience}
	t := &http.Transport{Protocols: p, TLSClientConfig: s.CA.ClientConfig(), DialContext: dialer.DialContext}
	s.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}

// stream is what a browser has open.
type stream struct {
	*subscriber.Decoder
	proto int
	close func()
}

// open opens a stream, after an event unless lastID is empty. It returns when the head of the answer has come.
func (s *setup) open(client *http.Client, url, lastID string) (*stream, error) {
	ctx, cancel := context.WithCancel(s.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	req.Header.Set("X-Forwarded-For", "198.51.100.9") // forged
	req.Header.Set("Forwarded", "for=198.51.100.9")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	late := time.AfterFunc(harness.Patience, cancel)
	res, err := client.Do(req) //nolint:bodyclose // close does it
	late.Stop()
	if err != nil {
		cancel()
		return nil, err
	}
	st := &stream{subscriber.NewDecoder(res.Body, lastID), res.ProtoMajor, func() { cancel(); _ = res.Body.Close() }}
	s.t.Cleanup(st.close)
	if res.Uncompressed {
		s.t.Error("the proxy has compressed the stream")
	}
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		st.close()
		return nil, fmt.Errorf("status %d, %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	return st, nil
}

// mustOpen opens a stream and reads the first frame, which has to come unprompted.
func (s *setup) mustOpen(client *http.Client, url string) *stream {
	s.t.Helper()
	st, err := s.open(client, url, "")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := within(st, harness.Patience, func() error { _, _, err := st.Frame(); return err }); err != nil {
		s.t.Fatalf("the first frame: %v", err)
	}
	return st
}

// within closes the stream unless read returns in time.
func within(st *stream, limit time.Duration, read func() error) error {
	late := time.AfterFunc(limit, st.close)
	defer late.Stop()
	return read()
}

// want reads the next event, which must have this data.
func (s *setup) want(st *stream, data string) {
	s.t.Helper()
	if err := within(st, harness.Patience, func() error {
		e, err := st.Next()
		if err == nil && e.Data != data {
			err = fmt.Errorf("data %q", e.Data)
		}
		return err
	}); err != nil {
		s.t.Fatalf("want event %q: %v", data, err)
	}
}

// TestProxies asks each proxy of examples/proxies what docs/proxies.md answers in its table.
func TestProxies(t *testing.T) {
	t.Parallel()
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := newSetup(t, k.name)
			reload := k.start(s)
			url := k.scheme + "://" + s.public + "/sse?subscribe="
			versions := []bool{false}
			if k.http2 {
				versions = append(versions, true)
			}
			var silent []*stream
			for _, http2 := range versions {
				s.askDelivery(s.browser(http2), url, http2)
				silent = append(silent, s.mustOpen(s.browser(http2), url+"silent"))
			}
			s.wantSilence(silent)
			s.wantCut(silent, k.cuts)
			s.askReload(s.browser(k.http2), url, reload)
			s.wantNoBlame()
		})
	}
}

// TestPROXYVersion1 has HAProxy send the older header.
func TestPROXYVersion1(t *testing.T) {
	t.Parallel()
	s := newSetup(t, "haproxy-passthrough")
	s.older = true
	startHAProxyPassthrough(s)
	s.askDelivery(s.browser(true), "https://"+s.public+"/sse?subscribe=", true)
	s.wantNoBlame()
}

// wantNoBlame requires that neither the proxy nor its health checks have done anything that the daemon counts.
func (s *setup) wantNoBlame() {
	s.t.Helper()
	for reason, n := range s.Status().Closed {
		if n > 0 && (strings.HasPrefix(reason, "proxy_header") || reason == "handshake_failed" || reason == "not_admitted") {
			s.t.Errorf("%d connections are counted as %s", n, reason)
		}
	}
	if p := s.Limits().Penalties; p.Total != 0 {
		s.t.Errorf("penalties: %+v", p)
	}
}

// askDelivery asks whether events come at once and in order, and whom the daemon sees.
func (s *setup) askDelivery(client *http.Client, url string, http2 bool) {
	s.t.Helper()
	id := fmt.Sprintf("http2-%v", http2)
	began := time.Now()
	st := s.mustOpen(client, url+"a&id="+id)
	defer st.close()
	first := time.Since(began)
	if (st.proto == 2) != http2 {
		s.t.Errorf("the browser speaks HTTP/%d", st.proto)
	}
	began = time.Now()
	s.Send("a", "at once")
	s.want(st, "at once")
	s.t.Logf("HTTP/%d: stream after %.0f ms, event after %.1f ms", st.proto, first.Seconds()*1000, time.Since(began).Seconds()*1000)
	for i := range 100 {
		s.Send("a", strconv.Itoa(i))
	}
	for i := range 100 {
		s.want(st, strconv.Itoa(i))
	}
	if got := s.ClientAddr(id); !strings.HasPrefix(got, browserAddress+":") {
		s.t.Errorf("the browser is listed at %s, want %s", got, browserAddress)
	}
	if !s.Log.WaitFor("peer=" + browserAddress + ":") {
		s.t.Error("the log does not have the browser's address")
	}
}

// wantSilence lets ten minutes pass in which nothing is published. The streams must be open at the end.
func (s *setup) wantSilence(silent []*stream) {
	s.t.Helper()
	var all sync.WaitGroup
	for _, st := range silent {
		all.Go(func() {
			for began := time.Now(); time.Since(began) < silence; { // each frame is a heartbeat
				if err := within(st, harness.Patience, func() error { _, _, err := st.Frame(); return err }); err != nil {
					s.t.Errorf("after %s of silence: %v", time.Since(began), err)
					return
				}
			}
			if st.Comments() < int(silence/heartbeat)/2 {
				s.t.Errorf("only %d heartbeats have come in %s", st.Comments(), silence)
			}
		})
	}
	all.Wait()
	s.Send("silent", "after ten minutes")
	for _, st := range silent {
		s.want(st, "after ten minutes")
	}
}

// wantCut turns the heartbeat off: the proxy must cut silent streams then, which shows that its time-outs are as short as the
// test wants them. after is 0 for a proxy without.
func (s *setup) wantCut(silent []*stream, after time.Duration) {
	s.t.Helper()
	s.configure(0)
	if r := s.Ctl("reload"); r.Code != 0 {
		s.t.Fatalf("reload: %s", r)
	}
	limit := 2 * minute
	if after > 0 {
		limit = harness.Patience
	}
	var all sync.WaitGroup
	for _, st := range silent {
		all.Go(func() {
			began := time.Now()
			err := within(st, limit, func() error { _, err := st.Next(); return err })
			if isLate := time.Since(began) >= limit; isLate == (after > 0) {
				s.t.Errorf("without heartbeats, the stream ended with %v after %s", err, time.Since(began))
			}
		})
	}
	all.Wait()
	s.configure(heartbeat)
	if r := s.Ctl("reload"); r.Code != 0 {
		s.t.Fatalf("reload: %s", r)
	}
}

// askReload publishes while the proxy reloads, and until its old processes have ended. A browser that comes back as often as it
// is cut off must get everything once and in order.
func (s *setup) askReload(client *http.Client, url string, reload func()) {
	s.t.Helper()
	const rate = 20 * time.Millisecond
	events := int(2*minute/rate) + 100
	first, err := s.open(client, url+"b", "")
	if err != nil {
		s.t.Fatal(err)
	}
	s.AwaitStreams("b", 1)
	var publishing sync.WaitGroup
	publishing.Go(func() {
		tick := time.NewTicker(rate)
		defer tick.Stop()
		for i := range events {
			<-tick.C
			s.Send("b", strconv.Itoa(i))
		}
	})
	defer publishing.Wait()
	st, reconnects, isCut := first, 0, false // by the test
	limit := time.Now().Add(harness.Patience + time.Duration(events)*rate)
	for i := 0; i < events; {
		if i == 50 && reload != nil {
			reload()
			reload = nil
		}
		if i == events-50 && reconnects == 0 { // nothing has cut it off: the test does
			st.close()
			isCut = true
		}
		var e subscriber.Event
		err := within(st, time.Until(limit), func() (err error) { e, err = st.Next(); return err })
		switch {
		case time.Now().After(limit):
			s.t.Fatalf("event %d of %d has not come: %v", i, events, err)
		case err != nil:
			last := st.LastEventID()
			st.close()
			reconnects++
			harness.Eventually(s.t, fmt.Sprintf("a way back after event %d", i), func() bool {
				st, err = s.open(client, url+"b", last)
				return err == nil
			})
		case e.Name != "message" || e.Data != strconv.Itoa(i):
			s.t.Fatalf("event %s %q, want %d", e.Name, e.Data, i)
		default:
			i++
		}
	}
	s.t.Logf("reload: %d events, none lost, none twice; %d reconnects, the browser's own idea: %v", events, reconnects, isCut)
}
