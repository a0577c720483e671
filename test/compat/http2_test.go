package compat

import (
	"bufio"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// connections returns the HTTP versions of the streams of a room, and on how many connections they are.
func connections(d *harness.Daemon, room string) (versions map[string]int, conns int) {
	d.T.Helper()
	var list struct {
		Clients []struct {
			Conn uint64
			HTTP string
		}
	}
	d.Call("clients", harness.Object{"room": room}, &list)
	versions = make(map[string]int)
	seen := make(map[uint64]bool)
	for _, c := range list.Clients {
		versions[c.HTTP]++
		seen[c.Conn] = true
	}
	return versions, len(seen)
}

// wantCounted checks that status, limits and hassesctl count so many streams on one HTTP/2 connection.
func wantCounted(d *harness.Daemon, streams int) {
	d.T.Helper()
	var status struct {
		HTTP []struct {
			Version              string
			TLS                  bool
			Connections, Streams int
		}
	}
	d.Call("status", nil, &status)
	for _, h := range status.HTTP {
		if wants := h.Version == "2" && h.TLS; wants && (h.Connections != 1 || h.Streams != streams) || !wants && h.Streams != 0 {
			d.T.Errorf("status: %+v, want %d streams on one HTTP/2 connection over TLS alone", h, streams)
		}
	}
	var limits struct {
		Limits []struct {
			Key  string
			Used int
		}
	}
	d.Call("limits", nil, &limits)
	used := map[string]int{}
	for _, l := range limits.Limits {
		used[l.Key] = l.Used
	}
	for _, key := range []string{"limits.streams", "limits.streams_per_address", "limits.streams_per_connection"} {
		if used[key] != streams {
			d.T.Errorf("%s: %d used, want %d", key, used[key], streams)
		}
	}
	table := d.Ctl("clients")
	if rows := strings.Count(table.Stdout, "  2     TLS 1.3"); rows != streams {
		d.T.Errorf("hassesctl clients lists %d streams of HTTP/2, want %d:\n%s", rows, streams, table.Stdout)
	}
}

func wantOneHTTP2Connection(d *harness.Daemon, room string, streams int) {
	d.T.Helper()
	d.AwaitStreams(room, streams)
	if versions, conns := connections(d, room); versions["2"] != streams || conns != 1 {
		d.T.Errorf("streams by version %v, on %d connections; want %d of HTTP/2 on one", versions, conns, streams)
	}
}

// TestGoOverHTTP2: net/http's client puts 50 streams on one connection; one is kicked, the others go on.
func TestGoOverHTTP2(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: d.CA.ClientConfig(), ForceAttemptHTTP2: true}}
	ctx, cancel := context.WithTimeout(t.Context(), 4*harness.Patience)
	defer cancel()
	const streams = 50
	bodies := make([]*bufio.Scanner, streams)
	for i := range bodies {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.URL(fmt.Sprintf("subscribe=a&id=s%d", i)), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK || res.ProtoMajor != 2 {
			t.Fatalf("%s over %s", res.Status, res.Proto)
		}
		bodies[i] = bufio.NewScanner(res.Body)
	}
	wantOneHTTP2Connection(d, "a", streams)
	wantCounted(d, streams)
	await := func(s *bufio.Scanner, line string) bool {
		for s.Scan() {
			if s.Text() == line {
				return true
			}
		}
		return false
	}
	d.Send("a", "hello")
	for i, s := range bodies {
		if !await(s, "data: hello") {
			t.Fatalf("stream %d ended: %v", i, s.Err())
		}
	}
	d.Call("kick", harness.Object{"id": "s7"}, nil)
	d.AwaitStreams("a", streams-1)
	d.Send("a", "again")
	for i, s := range bodies {
		if got := await(s, "data: again"); got != (i != 7) || s.Err() != nil {
			t.Errorf("stream %d got the event: %t, %v", i, got, s.Err())
		}
	}
}

// TestNodeOverHTTP2: the same with Node's client, and a drain at the end.
func TestNodeOverHTTP2(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	const streams = 20
	p := harness.Launch(t, []string{"NODE_EXTRA_CA_CERTS=" + d.CaFile}, harness.Node(t), "../js/http2.mjs", "https://"+d.HTTPS, "/sse?subscribe=a", fmt.Sprint(streams))
	l := &listener{Program: p, seen: make(map[string]bool)}
	l.opened()
	wantOneHTTP2Connection(d, "a", streams)
	d.Send("a", "hello")
	got := make(map[int]bool)
	for len(got) < streams {
		if r := l.next(); r.Kind == "event" && r.Data == "hello" {
			got[r.State] = true
		}
	}
	d.Call("drain", nil, nil)
	closed, goAway := 0, false
	for closed < streams {
		switch r := l.next(); r.Kind {
		case "closed":
			closed++
			if !goAway {
				t.Fatal("a stream ended before GOAWAY came")
			}
		case "goaway":
			if goAway = true; r.Data != "0" {
				t.Errorf("GOAWAY says %s", r.Data)
			}
		}
	}
	<-d.Exited
}

// TestFiftyEventSourcesShareAConnection: a page in Chromium has 50 EventSources on one connection.
func TestFiftyEventSourcesShareAConnection(t *testing.T) {
	t.Parallel()
	chromium := harness.Tool(t, "chromium")
	d := harness.Start(t, "--cors-origin", "*", "--cors-credentials=false")
	network := newProxy(t, d.HTTPS)
	const streams = 50
	page := fmt.Sprintf(`<!doctype html><script>
for (let i = 0; i < %d; i++) {
  const source = new EventSource('https://%s/sse?subscribe=a&id=s' + i)
  source.onmessage = (e) => report({ kind: 'event', id: e.lastEventId, data: e.data, state: i })
}
report({ kind: 'open' })
</script>`, streams, network.addr)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, page)
	}))
	t.Cleanup(site.Close)
	p := harness.Launch(t, []string{"CHROMIUM=" + chromium}, harness.Node(t), "../js/chromium.mjs", "unused", site.URL)
	storyOfShared(d, network, p, streams)
}

// TestPythonOverHTTP2: python3-h2 has 50 streams on one connection.
func TestPythonOverHTTP2(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3" // Debian's, for which python3-h2 is
	if err := exec.Command(python, "-c", "import h2").Run(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("python3-h2 is missing: .ci/deps should have installed it")
		}
		t.Skip("python3-h2 is missing: run 'make deps'")
	}
	d := harness.Start(t)
	network := newProxy(t, d.HTTPS)
	host, port, _ := strings.Cut(network.addr, ":")
	const streams = 50
	p := harness.Launch(t, nil, python, "../python/http2.py", host, port, "/sse?subscribe=a", fmt.Sprint(streams), d.CaFile)
	storyOfShared(d, network, p, streams)
}

// storyOfShared takes streams s0, s1, ... that share a connection through their story: all receive; the network is cut, and all of
// them resume, on one connection again, with what they have missed; one is kicked, comes back and has missed nothing; the
// others do not notice.
func storyOfShared(d *harness.Daemon, network *proxy, p *harness.Program, streams int) {
	t := d.T
	t.Helper()
	l := &listener{Program: p, seen: make(map[string]bool)}
	l.opened()
	wantOneHTTP2Connection(d, "a", streams)
	heard := make([]int, streams) // events
	var said []string
	everyone := func(data ...string) {
		t.Helper()
		said = append(said, data...)
		for missing := streams * len(data); missing > 0; missing-- {
			r := l.next()
			for r.Kind == "open" {
				r = l.next()
			}
			if r.Kind != "event" || r.Data != said[heard[r.State]] {
				t.Fatalf("%+v, want %q", r, said[heard[r.State]])
			}
			heard[r.State]++
		}
	}
	d.Send("a", "hello")
	everyone("hello")
	network.cut()
	d.AwaitStreams("a", 0)
	d.Send("a", "while you were out")
	d.Send("a", "and once more")
	network.restore()
	everyone("while you were out", "and once more")
	wantOneHTTP2Connection(d, "a", streams)
	var kicked struct{ Kicked int }
	d.Call("kick", harness.Object{"id": "s7"}, &kicked)
	if kicked.Kicked != 1 {
		t.Errorf("%d streams were kicked", kicked.Kicked)
	}
	d.Send("a", "right after the kick")
	everyone("right after the kick")
	wantOneHTTP2Connection(d, "a", streams)
	d.Send("a", "goodbye")
	everyone("goodbye")
}

// TestNghttp: nghttp has two streams on one connection, and resumes.
func TestNghttp(t *testing.T) {
	t.Parallel()
	nghttp := harness.Tool(t, "nghttp")
	d := harness.Start(t)
	first := d.Send("a", "before").ID
	d.Send("a", "missed")
	var out harness.Log
	cmd := exec.Command(nghttp, "--verbose", "--no-verify-peer", "--header=last-event-id: "+first, d.URL("subscribe=a&id=s0"), d.URL("subscribe=a&id=s1"))
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wantOneHTTP2Connection(d, "a", 2)
	d.Send("a", "hello")
	for _, line := range []string{"data: missed", "data: hello"} {
		harness.Eventually(t, "both streams have "+line, func() bool { return strings.Count(out.String(), line) == 2 })
	}
	d.Call("kick", harness.Object{"room": "a"}, nil)
	if err := cmd.Wait(); err != nil || strings.Contains(out.String(), "data: before") || strings.Contains(out.String(), "[ERROR]") {
		t.Errorf("nghttp: %v\n%s", err, &out)
	}
}

// TestH2load: h2load asks for thousands of answers that end, then holds streams that do not.
func TestH2load(t *testing.T) {
	t.Parallel()
	h2load := harness.Tool(t, "h2load")
	d := harness.Start(t, "--log-level", "normal")
	r := harness.Run(t, "", h2load, "--requests=1000", "--clients=4", "--max-concurrent-streams=20", "--header=:method: HEAD", d.URL("subscribe=a"))
	if r.Code != 0 || !strings.Contains(r.Stdout, "1000 succeeded, 0 failed, 0 errored") {
		t.Errorf("h2load: %s", r)
	}
	cmd := exec.Command(h2load, "--duration=3", "--clients=3", "--max-concurrent-streams=20", d.URL("subscribe=a"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.AwaitStreams("a", 60)
	if versions, conns := connections(d, "a"); versions["2"] != 60 || conns != 3 {
		t.Errorf("streams by version %v, on %d connections; want 60 of HTTP/2 on 3", versions, conns)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	d.AwaitStreams("a", 0)
	if closed := d.Status().Closed; closed["http2_failed"]+closed["http2_flood"] > 0 {
		t.Errorf("h2load was taken for an attacker: %v", closed)
	}
}

// Exceptions of h2spec, each with its reason: package, and the case's description.
var (
	h2specAlways = []string{
		// They refer to a table of HPACK at once, without waiting for our settings, which allow none.
		"generic/5 Sends a dynamic table size update",
		"generic/5 Sends multiple dynamic table size update",
		"http2/6.10 Sends multiple CONTINUATION frames preceded by a HEADERS frame",
	}
	h2specEndless = append([]string{
		// They wait for the end of the response, which does not come.
		"generic/2 Sends a PRIORITY frame on closed stream",
		"http2/5.1 closed: Sends a DATA frame",
		"http2/5.1 closed: Sends a HEADERS frame",
		"http2/5.1 closed: Sends a CONTINUATION frame",
		// They measure the length of the whole response first.
		"http2/6.5.3 Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE",
		"http2/6.9.1 Sends SETTINGS frame to set the initial window size to 1 and sends HEADERS frame",
		"http2/6.9.2 Changes SETTINGS_INITIAL_WINDOW_SIZE after sending HEADERS frame",
		"http2/6.9.2 Sends a SETTINGS frame for window size to be negative",
	}, h2specAlways...)
)

// TestH2Spec runs all cases of h2spec, the strict ones too, against a path that ends and one that does not.
func TestH2Spec(t *testing.T) {
	t.Parallel()
	h2spec := harness.Tool(t, "../../bin/tools/h2spec")
	for path, exceptions := range map[string][]string{"/nowhere": h2specAlways, "/sse?subscribe=a": h2specEndless} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t)
			host, port, _ := strings.Cut(d.HTTPS, ":")
			report := filepath.Join(t.TempDir(), "report.xml")
			r := harness.Run(t, "", h2spec, "-h", host, "-p", port, "-t", "-k", "--strict", "-o", "3", "-P", path, "-j", report)
			text, err := os.ReadFile(report)
			if err != nil {
				t.Fatalf("%v: %s", err, r)
			}
			var suites struct {
				Suites []struct {
					Cases []struct {
						Package string  `xml:"package,attr"`
						Name    string  `xml:"classname,attr"`
						Failure *string `xml:"failure"`
						Error   *string `xml:"error"`
					} `xml:"testcase"`
				} `xml:"testsuite"`
			}
			if err := xml.Unmarshal(text, &suites); err != nil {
				t.Fatal(err)
			}
			cases, failed := 0, []string{}
			for _, s := range suites.Suites {
				for _, c := range s.Cases {
					cases++
					if c.Failure != nil || c.Error != nil {
						failed = append(failed, c.Package+" "+c.Name)
					}
				}
			}
			slices.Sort(failed)
			want := slices.Sorted(slices.Values(exceptions))
			if cases < 140 || !slices.Equal(failed, want) {
				t.Errorf("of %d cases failed\n%s\nwant\n%s", cases, strings.Join(failed, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}
