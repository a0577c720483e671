package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// report is what a foreign subscriber says it saw.
type report struct {
	Kind  string `json:"kind"` // open, event, error, failure
	ID    string `json:"id"`
	Name  string `json:"name"`
	Data  string `json:"data"`
	State int    `json:"state"`
}

// foreign is a subscriber that somebody else wrote.
type foreign struct {
	name  string
	start func(t *testing.T, d *daemon, url string) *process
}

var foreigners = []foreign{
	{"Chromium", func(t *testing.T, _ *daemon, url string) *process {
		env := []string{"CHROMIUM=" + tool(t, "chromium")}
		return launch(t, env, node(t), "js/chromium.mjs", url, servePage(t))
	}},
	{"npm eventsource", func(t *testing.T, d *daemon, url string) *process {
		return launch(t, []string{"NODE_EXTRA_CA_CERTS=" + d.caFile}, node(t), "js/eventsource.mjs", url)
	}},
	{"undici", func(t *testing.T, d *daemon, url string) *process {
		return launch(t, []string{"NODE_EXTRA_CA_CERTS=" + d.caFile}, node(t), "js/undici.mjs", url)
	}},
	{"tmaxmax go-sse", func(t *testing.T, d *daemon, url string) *process { return launchGo(t, d, "gosse", url) }},
	{"launchdarkly", func(t *testing.T, d *daemon, url string) *process { return launchGo(t, d, "launchdarkly", url) }},
}

func launchGo(t *testing.T, d *daemon, name, url string) *process {
	t.Helper()
	dir, err := goClients()
	if err != nil {
		t.Fatal(err)
	}
	return launch(t, []string{"SSL_CERT_FILE=" + d.caFile}, filepath.Join(dir, name), url)
}

// servePage serves js/page.html on an origin that is not the daemon's, and returns the page's URL.
func servePage(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir("js")))
	t.Cleanup(server.Close)
	return server.URL + "/page.html"
}

// TestForeignSubscribers tells each subscriber the same story: receive, lose the network, come back without being told,
// miss nothing, be thrown out, come back again, see a daemon end.
func TestForeignSubscribers(t *testing.T) {
	t.Parallel()
	for _, f := range foreigners {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			d := start(t, "--cors-origin", "*", "--cors-credentials=false")
			network := newProxy(t, d.https)
			p := f.start(t, d, "https://"+network.addr+"/sse?subscribe=room-624&room=with-dash&id=visitor")
			story := &listener{process: p, seen: make(map[string]bool)}
			story.opened()

			d.awaitStreams("room", 1)
			d.send("room", "hello")
			story.wants("message", "hello")
			d.call("send", object{"to": "with-dash", "event": "note", "data": "two\nlines: ünï€ 🎈"}, nil)
			story.wants("note", "two\nlines: ünï€ 🎈")

			// The network fails; what is said meanwhile arrives after it is mended.
			network.cut()
			d.awaitStreams("", 0)
			for i := range 5 {
				d.send("624", fmt.Sprint("while you were out ", i))
			}
			network.mend()
			for i := range 5 {
				story.wants("message", fmt.Sprint("while you were out ", i))
			}

			// The daemon ends the stream politely.
			var kicked struct{ Kicked int }
			d.call("kick", object{"id": "visitor"}, &kicked)
			if kicked.Kicked != 1 {
				t.Errorf("kicked %d, want 1", kicked.Kicked)
			}
			d.send("room", "right after the kick")
			story.wants("message", "right after the kick")
			d.awaitStreams("room", 1)

			// Nothing comes twice: the next thing to be seen is the next thing said.
			d.send("room", "goodbye")
			story.wants("message", "goodbye")
		})
	}
}

// listener reads the reports of a foreign subscriber.
type listener struct {
	*process
	seen map[string]bool // ids
}

// opened waits for the first connection.
func (l *listener) opened() {
	l.t.Helper()
	for {
		if r := l.next(); r.Kind == "open" {
			return
		}
	}
}

// wants reads the next event, which must be this one, with an id not seen before.
func (l *listener) wants(name, data string) {
	l.t.Helper()
	for {
		r := l.next()
		if r.Kind != "event" {
			continue // opened again, or an error that led to it
		}
		if r.Name != name || r.Data != data {
			l.t.Fatalf("event %q %q, want %q %q", r.Name, r.Data, name, data)
		}
		if r.ID == "" || l.seen[r.ID] {
			l.t.Fatalf("event %q has id %q, empty or seen before", r.Data, r.ID)
		}
		l.seen[r.ID] = true
		return
	}
}

func (l *listener) next() report {
	l.t.Helper()
	line, ok := l.line()
	if !ok {
		l.t.Fatalf("%s ended early", l.cmd.Path)
	}
	var r report
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		l.t.Fatalf("report %q: %v", line, err)
	}
	if r.Kind == "failure" || r.Kind == "error" && r.State == 2 {
		l.t.Fatalf("%s gave up: %+v", l.cmd.Path, r)
	}
	return r
}

// TestDemoPage opens the page that `make run` shows, in a browser, and uses it.
func TestDemoPage(t *testing.T) {
	t.Parallel()
	chromium := tool(t, "chromium")
	d := start(t, "--demo")
	p := launch(t, []string{"CHROMIUM=" + chromium}, node(t), "js/demo.mjs", "https://"+d.https+"/")
	page := &listener{process: p, seen: make(map[string]bool)}
	page.opened()
	d.awaitStreams("room1", 1)
	id := d.send("room1", "<b>hello</b> demo").ID
	r := page.next()
	if r.Kind != "event" || r.ID != id || r.Data != "<b>hello</b> demo" {
		t.Errorf("the page shows %+v, want the message and id %s", r, id)
	}
	if r.State != 1 {
		t.Errorf("the page counts %d events, want 1", r.State)
	}
}
