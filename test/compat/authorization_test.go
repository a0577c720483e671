package compat

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

var snippet = regexp.MustCompile("(?ms)^```(\\w+) (signed-url|jwt)\n(.*?)^```$")

// TestAuthorizationSnippets runs the programs of docs/authorization.md and subscribes with their
// output.
func TestAuthorizationSnippets(t *testing.T) {
	t.Parallel()
	page := harness.ReadFile(t, "../../docs/authorization.md")
	d := harness.Guarded(t)
	d.Run()
	languages := map[string]struct{ file, program string }{
		"php":    {"snippet.php", "php"},
		"python": {"snippet.py", "python3"},
		"js":     {"snippet.cjs", "node"},
		"go":     {"main.go", "go"},
		"sh":     {"snippet.sh", "sh"},
	}
	found := snippet.FindAllStringSubmatch(string(page), -1)
	if len(found) != 9 {
		t.Fatalf("the page has %d programs, want 9", len(found))
	}
	for _, m := range found {
		name, kind, text := m[1], m[2], m[3]
		t.Run(kind+" "+name, func(t *testing.T) {
			t.Parallel()
			d := d.In(t)
			language, ok := languages[name]
			if !ok {
				t.Fatalf("who runs %s?", name)
			}
			text = strings.NewReplacer("/etc/hassesd/", d.Dir+"/", "/etc/www-keys/", d.Dir+"/").Replace(text)
			text = strings.ReplaceAll(text, "https://push.example.org/", "https://"+d.HTTPS+"/")
			file := filepath.Join(t.TempDir(), language.file)
			harness.WriteFile(t, file, []byte(text))
			args := []string{file}
			if name == "go" {
				args = []string{"run", file}
			}
			program := language.program
			if program == "node" {
				program = harness.Node(t)
			} else {
				program = harness.Tool(t, program)
			}
			said := strings.TrimSpace(d.RunOK(program, args...))
			room, id := "Büro 1", "O'Brien (42)*"
			var status int
			if kind == "signed-url" {
				_, status, _ = d.Ask(harness.RequestTarget(t, said))
			} else {
				id = "user42"
				_, status, _ = d.Ask("/sse?room=news-de&room="+url.QueryEscape(room), "Cookie: __Secure-hassesd="+said)
			}
			if status != 200 {
				t.Fatalf("status %d for %s", status, said)
			}
			var clients struct {
				Clients []struct {
					ID    string   `json:"id"`
					Rooms []string `json:"rooms"`
				} `json:"clients"`
			}
			d.Call("clients", harness.Object{"id": id}, &clients)
			for _, c := range clients.Clients {
				slices.Sort(c.Rooms)
				if slices.Equal(c.Rooms, []string{room, "news-de"}) {
					return
				}
			}
			t.Errorf("no stream of %s in both rooms: %+v", id, clients)
		})
	}
}

// TestAuthorizationPage runs the page of docs/authorization.md. The page asks again while the site
// has no URL for it, and when a URL expires it continues with a new one, without a gap.
func TestAuthorizationPage(t *testing.T) {
	t.Parallel()
	text := harness.ReadFile(t, "../../docs/authorization.md")
	script := regexp.MustCompile("(?ms)^  ```js page\n(.*?)^  ```$").FindSubmatch(text)
	if script == nil {
		t.Fatal("there is no page")
	}
	d := harness.Guarded(t)
	d.Run()
	harness.WriteFile(t, d.Path("page.js"), script[1])
	wants := make(chan chan string) // URLs; an empty one: not now
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := make(chan string, 1)
		select {
		case wants <- answer:
		case <-r.Context().Done():
			return
		}
		select {
		case text := <-answer:
			if text == "" {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			_, _ = io.WriteString(w, text)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(site.Close)
	await := func(what string) chan string {
		t.Helper()
		select {
		case answer := <-wants:
			return answer
		case <-time.After(harness.Patience):
			t.Fatalf("the page does not ask for a URL %s", what)
			return nil
		}
	}
	page := &listener{
		Program: harness.Launch(t, []string{"NODE_EXTRA_CA_CERTS=" + d.CaFile}, harness.Node(t), "../js/signed.mjs", d.Path("page.js"), site.URL),
		seen:    make(map[string]bool),
	}
	await("at the start") <- ""
	short := 4 * time.Second
	await("again") <- d.SignURL("a", "--until", short.String())
	harness.Eventually(t, "a message reaches the page", func() bool {
		select {
		case answer := <-wants: // the machine was too slow
			short *= 2
			answer <- d.SignURL("a", "--until", short.String())
		default:
		}
		return d.Send("a", "one").Matched == 1
	})
	page.wants("message", "one")
	answer := await("when the old one ends")
	d.Send("a", "two") // while it does not listen
	answer <- d.SignURL("a")
	page.wants("message", "two")
	d.AwaitStreams("a", 1)
	d.Send("a", "three")
	page.wants("message", "three")
}

// TestDemoPageWithACookie opens the demo page in a browser that has a token in a cookie.
func TestDemoPageWithACookie(t *testing.T) {
	t.Parallel()
	chromium := harness.Tool(t, "chromium")
	d := harness.Guarded(t, "--demo")
	d.Run()
	token := d.Mint("--key-file", d.Path("es-private.pem"), "--kid", "es", "--room", "room*")
	p := harness.Launch(t, []string{"CHROMIUM=" + chromium, "COOKIE=" + token}, harness.Node(t), "../js/demo.mjs", "https://"+d.HTTPS+"/")
	page := &listener{Program: p, seen: make(map[string]bool)}
	page.opened()
	d.AwaitStreams("room1", 1)
	d.Send("room1", "for those who may")
	if r := page.next(); r.Kind != "event" || r.Data != "for those who may" {
		t.Errorf("the page shows %+v", r)
	}
}
