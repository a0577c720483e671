package compat

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

var codeBlock = regexp.MustCompile("(?ms)^```(\\w+)(?: (\\w+))?\n(.*?)^```$")

// codeBlocks returns the programs of one language below a heading of a page, up to the next heading of its level.
func codeBlocks(t *testing.T, page, heading, language string) (blocks []string) {
	t.Helper()
	text := harness.ReadFile(t, page)
	_, section, _ := strings.Cut("\n"+string(text), "\n## "+heading+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range codeBlock.FindAllStringSubmatch(section, -1) {
		if strings.TrimSpace(m[1]+" "+m[2]) == language {
			blocks = append(blocks, m[3])
		}
	}
	if len(blocks) == 0 {
		t.Fatalf("%s: no %s below %q", page, language, heading)
	}
	return blocks
}

// TestReadmePage runs README's page across a restart without kept state: it fetches its content
// once and never reloads itself.
func TestReadmePage(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	script := codeBlocks(t, "../../README.md", "Subscribe from a page", "js")[0]
	replaced := strings.ReplaceAll(script, "https://push.example.org/", "https://"+d.HTTPS+"/")
	if replaced == script {
		t.Fatal("README's page does not subscribe at push.example.org")
	}
	harness.WriteFile(t, d.Path("page.js"), []byte(replaced))
	p := harness.Launch(t, []string{"NODE_EXTRA_CA_CERTS=" + d.CaFile}, harness.Node(t), "../js/readme.mjs", d.Path("page.js"))
	page := &listener{Program: p, seen: make(map[string]bool)}
	page.opened()
	d.Send("room624", "hello")
	if r := page.next(); r.Kind != "event" || r.Data != "hello" {
		t.Fatalf("the page shows %+v", r)
	}

	d.End(d.Cmd, d.Exited)
	d.Run()
	page.opened()
	if r := page.next(); r.Kind != "fetch" {
		t.Fatalf("after a gap: %+v, want that it fetches what it shows", r)
	}
	if r := page.next(); r.Kind != "show" || r.Data != "the present state" {
		t.Fatalf("after that: %+v", r)
	}
	d.AwaitStreams("news", 1)
	d.Send("news", "it goes on")
	if r := page.next(); r.Kind != "event" || r.Data != "it goes on" {
		t.Fatalf("behind a gap: %+v", r)
	}
}

// TestReadmePublishes runs README's publishing commands with the paths and addresses of the test.
func TestReadmePublishes(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--dev") // as make run does: this machine publishes over HTTP without a token
	s := d.Subscribe("subscribe=room624")
	_, port := harness.SplitAddress(t, d.TCP)
	places := strings.NewReplacer("bin/hassesctl send", harness.Hassesctl+" --socket "+d.Socket+" send",
		"$XDG_RUNTIME_DIR/hassesd/fifo", d.FIFO, "127.0.0.1:8085", d.TCP, "8085", port, "127.0.0.1:8443", d.HTTPS)
	for _, text := range codeBlocks(t, "../../README.md", "Publish", "sh") {
		if r := harness.Run(t, "", harness.Tool(t, "sh"), "-e", "-c", places.Replace(text)); r.Code != 0 {
			t.Fatal(r)
		}
		harness.WantMessage(t, s, "hello") // from hassesctl
		harness.WantMessage(t, s, "hello") // through the FIFO
		harness.WantMessage(t, s, "hello") // over HTTP
	}
	blocks := codeBlocks(t, "../../README.md", "Publish", "php")
	for i, want := range []string{"hello", "two\nlines; and more"} {
		file := filepath.Join(t.TempDir(), "publish.php")
		harness.WriteFile(t, file, []byte("<?php\n$anything = \"two\\nlines; and more\";\n"+places.Replace(blocks[i])))
		if r := harness.Run(t, "", harness.Tool(t, "php"), file); r.Code != 0 {
			t.Fatal(r)
		}
		harness.WantMessage(t, s, want)
	}
}

// TestTabsShareAStream opens more tabs than a browser opens connections, with the programs of
// docs/browser.md.
func TestTabsShareAStream(t *testing.T) {
	t.Parallel()
	chromium := harness.Tool(t, "chromium")
	d := harness.Start(t, "--cors-origin", "*", "--cors-credentials=false")
	program := func(kind string) string {
		return strings.ReplaceAll(codeBlocks(t, "../../docs/browser.md", "Several tabs", "js "+kind)[0], "https://push.example.org/", "http://"+d.HTTP+"/")
	}
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream-worker.js" {
			w.Header().Set("Content-Type", "text/javascript")
			fmt.Fprint(w, program("worker"))
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<!doctype html><script type=module>"+program("tab")+"</script>")
	}))
	t.Cleanup(site.Close)
	const tabs = 8
	p := harness.Launch(t, []string{"CHROMIUM=" + chromium}, harness.Node(t), "../js/tabs.mjs", site.URL, fmt.Sprint(tabs))
	page := &listener{Program: p, seen: make(map[string]bool)}
	page.opened()
	d.AwaitStreams("room624", 1)
	joined := map[int]bool{}
	harness.Eventually(t, "all tabs have joined", func() bool {
		d.Send("room624", "joining")
		for len(p.Lines) > 0 {
			joined[page.next().State] = true
		}
		return len(joined) == tabs
	})
	everyone := func(data string, want int) {
		t.Helper()
		d.Send("room624", data)
		got := map[int]bool{}
		for len(got) < want {
			r := page.next()
			if r.Data == "joining" {
				continue // what was sent until the last tab had joined
			}
			if r.Kind != "event" || r.Data != data || got[r.State] {
				t.Fatalf("%+v, after the tabs %v had %q", r, got, data)
			}
			got[r.State] = true
		}
	}
	everyone("hello", tabs)
	if got := d.Streams(""); got != 1 {
		t.Errorf("%d streams for %d tabs, want one", got, tabs)
	}

	if _, err := p.Stdin.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if r := page.next(); r.Kind != "closed" {
		t.Fatalf("%+v, want that a tab is closed", r)
	}
	everyone("one has left", tabs-1)
}
