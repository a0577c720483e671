package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/subscriber"
)

const (
	urlSecret   = "url-secret-of-the-tests-0123456789-abcdef"
	tokenSecret = "token-secret-of-the-tests-0123456789-abcd"
)

// guarded prepares a daemon that asks for signed URLs or tokens, with the keys of docs/authorization.md and an ES256 key
// called es.
func guarded(t testing.TB, flags ...string) *daemon {
	t.Helper()
	d := prepare(t)
	write(t, d.path("url.key"), []byte(urlSecret+"\n"))
	write(t, d.path("jwt.key"), []byte(tokenSecret+"\n"))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	write(t, d.path("es-private.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	write(t, d.path("es.pem"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	args := slices.DeleteFunc(d.args, func(arg string) bool { return arg == "--auth" || arg == "none" })
	d.args = append(append(args,
		"--auth", "signed-url,jwt", "--auth-jwt-leeway", "0",
		"--url-key", "2026="+d.path("url.key"),
		"--jwt-key", "web=HS256:"+d.path("jwt.key"), "--jwt-key", "es=ES256:"+d.path("es.pem"),
	), flags...)
	return d
}

// ask opens the target and returns the status, and of a refusal the code.
func (d *daemon) ask(target string, header ...string) (s *subscriber.Stream, status int, code string) {
	d.t.Helper()
	r := d.request("")
	r.Target, r.Header = target, header
	s, err := subscriber.Open(d.t.Context(), r)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { s.Close() })
	if s.Status == 200 {
		if _, err := s.Preface(); err != nil {
			d.t.Fatal(err)
		}
		return s, 200, ""
	}
	body, err := io.ReadAll(s.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	var answer struct{ Error struct{ Code string } }
	if err := json.Unmarshal(body, &answer); err != nil {
		d.t.Fatalf("%s: %v", body, err)
	}
	return s, s.Status, answer.Error.Code
}

func (d *daemon) mint(args ...string) string {
	d.t.Helper()
	return strings.TrimSpace(d.run0(hassesctl, append([]string{"token", "mint"}, args...)...))
}

// herdToken is what a herd shows to a guarded daemon.
func (d *daemon) herdToken() (header string) {
	d.t.Helper()
	return "Authorization: Bearer " + d.mint("--key-file", d.path("jwt.key"), "--kid", "web", "--room", "herd")
}

func (d *daemon) signURL(args ...string) string {
	d.t.Helper()
	return strings.TrimSpace(d.run0(hassesctl, append([]string{
		"sign-url", "--key-file", d.path("url.key"), "--kid", "2026", "--url", "https://" + d.https + "/sse",
	}, args...)...))
}

// run0 runs a program that must succeed, and returns what it says.
func (d *daemon) run0(name string, args ...string) string {
	d.t.Helper()
	r := command(d.t, "", name, args...)
	if r.code != 0 {
		d.t.Fatalf("%s %q: %s", name, args, r)
	}
	return r.stdout
}

// target is the path and query of a URL.
func target(t testing.TB, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.RequestURI()
}

var snippet = regexp.MustCompile("(?ms)^```(\\w+) (signed-url|jwt)\n(.*?)^```$")

// TestAuthorizationSnippets runs the programs of docs/authorization.md, and subscribes with what they print.
func TestAuthorizationSnippets(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/authorization.md")
	if err != nil {
		t.Fatal(err)
	}
	d := guarded(t)
	d.run()
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
			d := d.in(t)
			language, ok := languages[name]
			if !ok {
				t.Fatalf("who runs %s?", name)
			}
			text = strings.NewReplacer("/etc/hassesd/", d.dir+"/", "/etc/www-keys/", d.dir+"/").Replace(text)
			text = strings.ReplaceAll(text, "https://push.example.org/", "https://"+d.https+"/")
			file := filepath.Join(t.TempDir(), language.file)
			write(t, file, []byte(text))
			args := []string{file}
			if name == "go" {
				args = []string{"run", file}
			}
			program := language.program
			if program == "node" {
				program = node(t)
			} else {
				program = tool(t, program)
			}
			said := strings.TrimSpace(d.run0(program, args...))
			room, id := "Büro 1", "O'Brien (42)*"
			var status int
			if kind == "signed-url" {
				_, status, _ = d.ask(target(t, said))
			} else {
				id = "user42"
				_, status, _ = d.ask("/sse?room=news-de&room="+url.QueryEscape(room), "Cookie: __Secure-hassesd="+said)
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
			d.call("clients", object{"id": id}, &clients)
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

// TestAuthorizationPage runs the page of docs/authorization.md: it asks again when the site has no URL for it, and goes on
// with a new one, and without a gap, where the old one ends.
func TestAuthorizationPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/authorization.md")
	if err != nil {
		t.Fatal(err)
	}
	script := regexp.MustCompile("(?ms)^  ```js page\n(.*?)^  ```$").FindSubmatch(text)
	if script == nil {
		t.Fatal("there is no page")
	}
	d := guarded(t)
	d.run()
	write(t, d.path("page.js"), script[1])
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
		case <-time.After(patience):
			t.Fatalf("the page does not ask for a URL %s", what)
			return nil
		}
	}
	page := &listener{
		process: launch(t, []string{"NODE_EXTRA_CA_CERTS=" + d.caFile}, node(t), "js/signed.mjs", d.path("page.js"), site.URL),
		seen:    make(map[string]bool),
	}
	await("at the start") <- ""
	short := 4 * time.Second
	await("again") <- d.signURL("a", "--until", short.String())
	eventually(t, "a message reaches the page", func() bool {
		select {
		case answer := <-wants: // the machine was too slow
			short *= 2
			answer <- d.signURL("a", "--until", short.String())
		default:
		}
		return d.send("a", "one").Matched == 1
	})
	page.wants("message", "one")
	answer := await("when the old one ends")
	d.send("a", "two") // while it does not listen
	answer <- d.signURL("a")
	page.wants("message", "two")
	d.awaitStreams("a", 1)
	d.send("a", "three")
	page.wants("message", "three")
}

// TestT15TokensAtTheDoor shows good and forged credentials to the real daemon, and looks at what it wrote about them.
func TestT15TokensAtTheDoor(t *testing.T) {
	t.Parallel()
	d := guarded(t, "--auth-jwt-query")
	d.run()
	web := []string{"--key-file", d.path("jwt.key"), "--kid", "web"}
	good := d.mint(append(web, "--room", "room1", "--room", "news*", "--id", "ann")...)
	es := d.mint("--key-file", d.path("es-private.pem"), "--kid", "es", "--room", "room1")
	everything := d.mint(append(web, "--room", "*")...)
	signed := target(t, d.signURL("room1", "a-b"))
	crowd := attackedHerd(d, d.herdToken())
	public, err := os.ReadFile(d.path("es.pem"))
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	answers := make(map[int]uint64) // how many of each there should be
	claims := encode([]byte(`{"exp":4102444800,"hassesd":{"subscribe":["*"]}}`))
	for _, tt := range []struct {
		name, target string
		header       []string
		status       int
		code         string
	}{
		{"nothing", "/sse?subscribe=room1", nil, 401, "missing_token"},
		{"header", "/sse?subscribe=room1-news", []string{"Authorization: Bearer " + good}, 200, ""},
		{"cookie", "/sse?room=news-de", []string{"Cookie: a=b; __Secure-hassesd=" + good}, 200, ""},
		{"query", "/sse?subscribe=room1&token=" + good, nil, 200, ""},
		{"ES256", "/sse?subscribe=room1", []string{"Authorization: Bearer " + es}, 200, ""},
		{"every room", "/sse?subscribe=*", []string{"Authorization: Bearer " + everything}, 200, ""},
		{"every room without a grant of it", "/sse?subscribe=*", []string{"Authorization: Bearer " + good}, 403, "room_not_allowed"},
		{"another room", "/sse?subscribe=room1-room2", []string{"Authorization: Bearer " + good}, 403, "room_not_allowed"},
		{"another id", "/sse?subscribe=room1&id=bob", []string{"Authorization: Bearer " + good}, 403, "id_not_allowed"},
		{"a stranger's page", "/sse?subscribe=room1", []string{"Origin: https://evil.example", "Cookie: __Secure-hassesd=" + good}, 403, "origin_not_allowed"},
		{"two cookies", "/sse?subscribe=room1", []string{"Cookie: __Secure-hassesd=" + good + "; __Secure-hassesd=" + everything}, 401, "invalid_token"},
		{"a cut token", "/sse?subscribe=room1&token=" + good[:len(good)-1], nil, 401, "invalid_token"},
		{"alg none", "/sse?subscribe=*&token=" + encode([]byte(`{"alg":"none"}`)) + "." + claims + ".", nil, 401, "invalid_token"},
		{"ES256 of zeros", "/sse?subscribe=*&token=" + encode([]byte(`{"alg":"ES256","kid":"es"}`)) + "." + claims + "." + encode(make([]byte, 64)), nil, 401, "invalid_token"},
		{"the public key as a secret", "/sse?subscribe=*", []string{"Authorization: Bearer " + hs256(`{"alg":"HS256","kid":"es"}`, claims, string(public))}, 401, "invalid_token"},
		{"a file for a key", "/sse?subscribe=*", []string{"Authorization: Bearer " + hs256(`{"alg":"HS256","kid":"../../../../../dev/null"}`, claims, "")}, 401, "invalid_token"},
		{"a long token", "/sse?subscribe=*", []string{"Authorization: Bearer " + good + strings.Repeat("A", 5000)}, 401, "invalid_token"},
		{"a signed URL", signed, nil, 200, ""},
		{"a signed URL, resumed", signed + "&lastEventId=e-1", nil, 200, ""},
		{"a signed URL with a room more", signed + "&room=room2", nil, 401, "invalid_token"},
		{"a signed URL for somebody else", target(t, d.signURL("room1", "--ip", "192.0.2.7")), nil, 401, "invalid_token"},
		{"a signed URL for us", target(t, d.signURL("room1", "--ip", "127.0.0.0/8")), nil, 200, ""},
		{"elsewhere", "/other?token=" + good, nil, 404, "not_found"},
	} {
		answers[tt.status]++
		s, status, code := d.ask(tt.target, tt.header...)
		if status != tt.status || code != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.name, status, code, tt.status, tt.code)
		}
		if status == 401 && !strings.HasPrefix(s.Header.Get("WWW-Authenticate"), `Bearer realm="hassesd"`) {
			t.Errorf("%s: WWW-Authenticate: %q", tt.name, s.Header.Get("WWW-Authenticate"))
		}
		s.Close()
	}
	d.awaitStreams("", herdStreams(t))
	if st := d.status(); st.Refused["unauthorized"] != answers[401] || st.Refused["forbidden"] != answers[403] {
		t.Errorf("refused: %v, want %d unauthorized and %d forbidden", st.Refused, answers[401], answers[403])
	}
	eventually(t, "the log has come to the last request", func() bool { return d.log.contains("not_found") })
	_, signature, _ := strings.Cut(signed, "sig=")
	for name, secret := range map[string]string{
		"the key for URLs": urlSecret, "the key for tokens": tokenSecret, "a token": good[strings.LastIndexByte(good, '.')+1:],
		"the claims of a token": strings.Split(good, ".")[1], "a signature": signature,
	} {
		if d.log.contains(secret) {
			t.Errorf("%s is in the log", name)
		}
	}
	if !d.log.says("bad_signature") || !d.log.says("ambiguous") {
		t.Error("the log does not say why somebody was refused")
	}
	crowd.survived()
}

// TestT15TheStreamEndsWithItsToken lives through the end of a token and of a signed URL.
func TestT15TheStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	d := guarded(t)
	d.run()
	good := attackedHerd(d, d.herdToken())
	for name, credentials := range map[string]func(ttl string) (target string, header []string){
		"token": func(ttl string) (string, []string) {
			token := d.mint("--key-file", d.path("jwt.key"), "--kid", "web", "--room", "a", "--ttl", ttl)
			return "/sse?subscribe=a", []string{"Authorization: Bearer " + token}
		},
		"signed URL": func(ttl string) (string, []string) {
			return target(t, d.signURL("a", "--ttl", ttl, "--until", ttl)), nil
		},
	} {
		s, target, header := d.openFor(credentials)
		e, err := s.Next()
		if err != nil || e.Name != "hasses.reauth" || e.Data != `{"reason":"expired"}` {
			t.Fatalf("%s: at the end: %+v, %v", name, e, err)
		}
		if rest, err := s.Rest(); err != nil || len(rest) > 0 {
			t.Errorf("%s: after it: %+v, %v", name, rest, err)
		}
		if _, status, code := d.ask(target, header...); status != 401 || code != "invalid_token" {
			t.Errorf("%s: again: %d %s, want 401", name, status, code)
		}
	}
	eventually(t, "token_ended is counted", func() bool { return d.status().Closed["token_ended"] == 2 })
	good.survived()
}

// openFor opens a stream with credentials that are soon over, and gives them longer where the machine is too slow to
// use them in time.
func (d *daemon) openFor(credentials func(ttl string) (string, []string)) (*subscriber.Stream, string, []string) {
	d.t.Helper()
	for ttl := 2 * time.Second; ttl < patience; ttl *= 2 {
		target, header := credentials(ttl.String())
		if s, status, _ := d.ask(target, header...); status == 200 {
			return s, target, header
		}
	}
	d.t.Fatal("no credentials open a stream")
	return nil, "", nil
}

// TestT15KeysAreReadAgain changes keys under an open stream.
func TestT15KeysAreReadAgain(t *testing.T) {
	t.Parallel()
	d := guarded(t)
	d.run()
	before := d.signURL("a")
	s, status, _ := d.ask(target(t, before))
	if status != 200 {
		t.Fatalf("status %d", status)
	}

	// A bad file changes nothing, and is told by its name.
	write(t, d.path("url.key"), []byte("short"))
	if r := d.ctl("reload"); r.code != 1 || !strings.Contains(r.stderr, d.path("url.key")) || strings.Contains(r.stderr, "short\n") {
		t.Errorf("reload with a short key: %s", r)
	}
	d.signal(syscall.SIGHUP)
	eventually(t, "the log tells of the short key", func() bool { return d.log.contains("reload failed") })
	if again, status, _ := d.ask(target(t, before)); status != 200 {
		t.Errorf("with the old key: %d", status)
	} else {
		again.Close()
	}

	write(t, d.path("url.key"), []byte(strings.ToUpper(urlSecret)))
	if r := d.ctl("reload"); r.code != 0 || !strings.Contains(r.stdout, "auth.signed_url.keys") {
		t.Errorf("reload with a new key: %s", r)
	}
	if _, status, _ := d.ask(target(t, before)); status != 401 {
		t.Errorf("with the key that is gone: %d", status)
	}
	if fresh, status, _ := d.ask(target(t, d.signURL("b"))); status != 200 {
		t.Errorf("with the new key: %d", status)
	} else {
		fresh.Close()
	}
	d.send("a", "still here")
	message(t, s, "still here")
}

// TestTailShowsWhoItIs lets hassesctl subscribe with a token and with URLs that it signs.
func TestTailShowsWhoItIs(t *testing.T) {
	t.Parallel()
	d := guarded(t)
	d.run()
	write(t, d.path("token"), []byte(d.mint("--key-file", d.path("jwt.key"), "--kid", "web", "--room", "a")+"\n"))
	for _, flags := range [][]string{{"--token-file", d.path("token")}, {"--key-file", d.path("url.key"), "--kid", "2026"}} {
		p := launch(t, nil, hassesctl, append([]string{"tail", "--url", "https://" + d.https + "/sse", "--ca", d.caFile, "a"}, flags...)...)
		d.awaitStreams("a", 1)
		d.send("a", "hello")
		if line, ok := p.line(); !ok || line != "hello" {
			t.Errorf("%v: got %q", flags, line)
		}
		d.call("kick", object{"all": true}, nil) // and it comes back with a signature of its own
		eventually(t, "tail is back", func() bool { return d.streams("a") == 1 })
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		d.awaitStreams("a", 0)
	}
	if r := command(t, "", hassesctl, "tail", "--url", "https://"+d.https+"/sse", "--ca", d.caFile, "b", "--token-file", d.path("token")); r.code != 4 {
		t.Errorf("a room that is not granted: %s", r)
	}
}

// TestKeysAfterTheDropOfPrivileges reads a key as root, and then as somebody who may not, and who may.
func TestKeysAfterTheDropOfPrivileges(t *testing.T) {
	t.Parallel()
	skipUnlessRoot(t)
	const nobody, group = 65534, 54321
	d := guarded(t, "--user", fmt.Sprint(nobody), "--group", fmt.Sprint(group))
	for _, dir := range []string{d.dir, filepath.Dir(d.dir)} { // tests' directories are for their user alone
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"cert.pem", "key.pem", "jwt.key", "es.pem"} {
		if err := errors.Join(os.Chown(d.path(name), 0, group), os.Chmod(d.path(name), 0o640)); err != nil {
			t.Fatal(err)
		}
	}
	d.run()
	eventually(t, "something is said about a key that only root can read", func() bool {
		return d.log.contains("key for tokens or URLs cannot be read any more with the rights that the daemon has left")
	})
	works := func(when string) {
		t.Helper()
		s, status, _ := d.ask(target(t, d.signURL("a")))
		if status != 200 {
			t.Errorf("%s: status %d", when, status)
		}
		s.Close()
	}
	works("with a key that root has read")
	if r := d.ctl("reload"); r.code != 1 || !strings.Contains(r.stderr, d.path("url.key")) {
		t.Errorf("reload of a key for root alone: %s", r)
	}
	works("after a reload that failed")
	write(t, d.path("url.key"), []byte(strings.ToUpper(urlSecret)))
	if err := errors.Join(os.Chown(d.path("url.key"), 0, group), os.Chmod(d.path("url.key"), 0o640)); err != nil {
		t.Fatal(err)
	}
	if r := d.ctl("reload"); r.code != 0 || r.stdout != "auth.signed_url.keys\n" {
		t.Errorf("reload of a key for the group: %s", r)
	}
	works("with the key that the group may read")
}

// TestDemoPageWithACookie is a browser that was given a token.
func TestDemoPageWithACookie(t *testing.T) {
	t.Parallel()
	chromium := tool(t, "chromium")
	d := guarded(t, "--demo")
	d.run()
	token := d.mint("--key-file", d.path("es-private.pem"), "--kid", "es", "--room", "room*")
	p := launch(t, []string{"CHROMIUM=" + chromium, "COOKIE=" + token}, node(t), "js/demo.mjs", "https://"+d.https+"/")
	page := &listener{process: p, seen: make(map[string]bool)}
	page.opened()
	d.awaitStreams("room1", 1)
	d.send("room1", "for those who may")
	if r := page.next(); r.Kind != "event" || r.Data != "for those who may" {
		t.Errorf("the page shows %+v", r)
	}
}

// TestT15ABrowserStopsWhenItsURLEnds is what a page on another origin sees of a signed URL: an event that says so, and no
// endless attempts after it.
func TestT15ABrowserStopsWhenItsURLEnds(t *testing.T) {
	t.Parallel()
	chromium := tool(t, "chromium")
	d := guarded(t, "--cors-origin", "*", "--cors-credentials=false")
	d.run()
	for ttl := 4 * time.Second; ; ttl *= 2 {
		stream := d.signURL("a", "--ttl", ttl.String(), "--until", ttl.String())
		p := launch(t, []string{"CHROMIUM=" + chromium}, node(t), "js/chromium.mjs", stream, servePage(t))
		opened, events := untilItGivesUp(p)
		if !opened && ttl < patience {
			continue // the browser was too slow
		}
		if !opened || !slices.Equal(events, []string{"hasses.reauth"}) {
			t.Errorf("opened: %v; before it gave up the page saw %q", opened, events)
		}
		return
	}
}

// untilItGivesUp reads what a page reports until its EventSource is closed for good.
func untilItGivesUp(p *process) (opened bool, events []string) {
	p.t.Helper()
	for {
		line, ok := p.line()
		if !ok {
			p.t.Fatalf("the page ended early, after %q", events)
		}
		var r report
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			p.t.Fatal(err)
		}
		switch r.Kind {
		case "open":
			opened = true
		case "event":
			events = append(events, r.Name)
		case "error":
			if r.State == 2 {
				return opened, events
			}
		}
	}
}

func TestT15WithoutKeysNoStart(t *testing.T) {
	t.Parallel()
	d := guarded(t)
	for name, args := range map[string][]string{
		"no mode":              {"check", "--cert-file", d.path("cert.pem"), "--key-file", d.path("key.pem")},
		"no key for tokens":    {"check", "--dev", "--auth", "jwt"},
		"no key for URLs":      {"check", "--dev", "--auth", "signed-url"},
		"a key that is absent": {"check", "--dev", "--auth", "signed-url", "--url-key", d.path("nowhere")},
		"PEM for a secret":     {"check", "--dev", "--auth", "jwt", "--jwt-key", "HS256:" + d.path("es.pem")},
		"the private key":      {"check", "--dev", "--auth", "jwt", "--jwt-key", "ES256:" + d.path("es-private.pem")},
		"none with others":     {"check", "--dev", "--auth", "none,jwt", "--jwt-key", "ES256:" + d.path("es.pem")},
		"a key for nobody":     {"check", "--dev", "--auth", "none", "--jwt-key", "ES256:" + d.path("es.pem")},
	} {
		if r := command(t, "", hassesd, args...); r.code != 2 || !strings.Contains(r.stderr, "auth.") {
			t.Errorf("%s: %s; want exit code 2 and the key of the setting", name, r)
		}
	}
	if r := command(t, "", hassesd, "check", "--dev", "--auth", "jwt", "--jwt-key", "ES256:"+d.path("es.pem")); r.code != 0 {
		t.Errorf("a sound configuration: %s", r)
	}
}

// hs256 signs claims, which are encoded already, with a secret.
func hs256(header, claims, secret string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + claims
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
