package compat

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// foreign is a subscriber from another project.
type foreign struct {
	name  string
	start func(t *testing.T, d *harness.Daemon, url string) *harness.Program
}

var foreigners = []foreign{
	{"Chromium", func(t *testing.T, _ *harness.Daemon, url string) *harness.Program {
		env := []string{"CHROMIUM=" + harness.Tool(t, "chromium")}
		return harness.Launch(t, env, harness.Node(t), "../js/chromium.mjs", url, harness.ServePage(t))
	}},
	{"npm eventsource", func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
		return harness.Launch(t, []string{"NODE_EXTRA_CA_CERTS=" + d.CaFile}, harness.Node(t), "../js/eventsource.mjs", url)
	}},
	{"undici", func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
		return harness.Launch(t, []string{"NODE_EXTRA_CA_CERTS=" + d.CaFile}, harness.Node(t), "../js/undici.mjs", url)
	}},
	{"undici over HTTP/2", func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
		return harness.Launch(t, []string{"NODE_EXTRA_CA_CERTS=" + d.CaFile}, harness.Node(t), "../js/undici_http2.mjs", url)
	}},
	{"tmaxmax go-sse", func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
		return launchGo(t, d, "gosse", url)
	}},
	{"launchdarkly", func(t *testing.T, d *harness.Daemon, url string) *harness.Program {
		return launchGo(t, d, "launchdarkly", url)
	}},
}

func launchGo(t *testing.T, d *harness.Daemon, name, url string) *harness.Program {
	t.Helper()
	dir, err := harness.GoClients()
	if err != nil {
		t.Fatal(err)
	}
	return harness.Launch(t, []string{"SSL_CERT_FILE=" + d.CaFile}, filepath.Join(dir, name), url)
}

// TestForeignSubscribers takes each subscriber through the same story: it receives, loses the
// network, reconnects without help, misses nothing, is kicked, and reconnects again.
func TestForeignSubscribers(t *testing.T) {
	t.Parallel()
	for _, f := range foreigners {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t, "--cors-origin", "*", "--cors-credentials=false")
			network := newProxy(t, d.HTTPS)
			p := f.start(t, d, "https://"+network.addr+"/sse?subscribe=room-624&room=with-dash&id=visitor")
			story := &listener{Program: p, seen: make(map[string]bool)}
			story.opened()

			d.AwaitStreams("room", 1)
			if versions, _ := connections(d, "room"); strings.Contains(f.name, "HTTP/2") && versions["2"] != 1 {
				t.Errorf("its streams by version of HTTP: %v", versions)
			}
			d.Send("room", "hello")
			story.wants("message", "hello")
			d.Call("send", harness.Object{"to": "with-dash", "event": "note", "data": "two\nlines: ünï€ 🎈"}, nil)
			story.wants("note", "two\nlines: ünï€ 🎈")

			// The network fails; what is published meanwhile arrives once it is back.
			network.cut()
			d.AwaitStreams("", 0)
			for i := range 5 {
				d.Send("624", fmt.Sprint("while you were out ", i))
			}
			network.restore()
			for i := range 5 {
				story.wants("message", fmt.Sprint("while you were out ", i))
			}

			// The daemon ends the stream politely.
			var kicked struct{ Kicked int }
			d.Call("kick", harness.Object{"id": "visitor"}, &kicked)
			if kicked.Kicked != 1 {
				t.Errorf("kicked %d, want 1", kicked.Kicked)
			}
			d.Send("room", "right after the kick")
			story.wants("message", "right after the kick")
			d.AwaitStreams("room", 1)

			// Nothing comes twice: the next event is the next one published.
			d.Send("room", "goodbye")
			story.wants("message", "goodbye")
		})
	}
}

// listener reads the reports of a foreign subscriber.
type listener struct {
	*harness.Program
	seen map[string]bool // ids
}

// opened waits for the first connection.
func (l *listener) opened() {
	l.T.Helper()
	for {
		if r := l.next(); r.Kind == "open" {
			return
		}
	}
}

// wants reads the next event, which must have this name and data, and an id not seen before.
func (l *listener) wants(name, data string) {
	l.T.Helper()
	for {
		r := l.next()
		if r.Kind != "event" {
			continue // opened again, or an error that led to it
		}
		if r.Name != name || r.Data != data {
			l.T.Fatalf("event %q %q, want %q %q", r.Name, r.Data, name, data)
		}
		if r.ID == "" || l.seen[r.ID] {
			l.T.Fatalf("event %q has id %q, empty or seen before", r.Data, r.ID)
		}
		l.seen[r.ID] = true
		return
	}
}

func (l *listener) next() harness.Report {
	l.T.Helper()
	line, ok := l.Line()
	if !ok {
		l.T.Fatalf("%s ended early", l.Cmd.Path)
	}
	var r harness.Report
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		l.T.Fatalf("report %q: %v", line, err)
	}
	if r.Kind == "failure" || r.Kind == "error" && r.State == 2 {
		l.T.Fatalf("%s gave up: %+v", l.Cmd.Path, r)
	}
	return r
}

// TestDemoPage opens the demo page of `make run` in a browser and uses it.
func TestDemoPage(t *testing.T) {
	t.Parallel()
	chromium := harness.Tool(t, "chromium")
	d := harness.Start(t, "--demo")
	p := harness.Launch(t, []string{"CHROMIUM=" + chromium}, harness.Node(t), "../js/demo.mjs", "https://"+d.HTTPS+"/")
	page := &listener{Program: p, seen: make(map[string]bool)}
	page.opened()
	d.AwaitStreams("room1", 1)
	id := d.Send("room1", "<b>hello</b> demo").ID
	r := page.next()
	if r.Kind != "event" || r.ID != id || r.Data != "<b>hello</b> demo" {
		t.Errorf("the page shows %+v, want the message and id %s", r, id)
	}
	if r.State != 1 {
		t.Errorf("the page counts %d events, want 1", r.State)
	}
}
