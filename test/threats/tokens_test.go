package threats

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// goodStreamsToken returns the header with which good streams subscribe to a guarded daemon.
func goodStreamsToken(d *harness.Daemon) (header string) {
	d.T.Helper()
	return "Authorization: Bearer " + d.Mint("--key-file", d.Path("jwt.key"), "--kid", "web", "--room", "crowd")
}

// TestT15TokensAtTheDoor sends good and forged credentials to the daemon, and checks what it logs
// about them.
func TestT15TokensAtTheDoor(t *testing.T) {
	t.Parallel()
	d := harness.Guarded(t, "--auth-jwt-query")
	d.Run()
	web := []string{"--key-file", d.Path("jwt.key"), "--kid", "web"}
	good := d.Mint(append(web, "--room", "room1", "--room", "news*", "--id", "ann")...)
	es := d.Mint("--key-file", d.Path("es-private.pem"), "--kid", "es", "--room", "room1")
	everything := d.Mint(append(web, "--room", "*")...)
	signed := harness.RequestTarget(t, d.SignURL("room1", "a-b"))
	crowd := attackedGoodStreams(d, goodStreamsToken(d))
	public := harness.ReadFile(t, d.Path("es.pem"))
	encode := base64.RawURLEncoding.EncodeToString
	answers := make(map[int]uint64) // how many of each status there should be
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
		{"a signed URL for somebody else", harness.RequestTarget(t, d.SignURL("room1", "--ip", "192.0.2.7")), nil, 401, "invalid_token"},
		{"a signed URL for us", harness.RequestTarget(t, d.SignURL("room1", "--ip", "127.0.0.0/8")), nil, 200, ""},
		{"elsewhere", "/other?token=" + good, nil, 404, "not_found"},
	} {
		answers[tt.status]++
		s, status, code := d.Ask(tt.target, tt.header...)
		if status != tt.status || code != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.name, status, code, tt.status, tt.code)
		}
		if status == 401 && !strings.HasPrefix(s.Header.Get("WWW-Authenticate"), `Bearer realm="hassesd"`) {
			t.Errorf("%s: WWW-Authenticate: %q", tt.name, s.Header.Get("WWW-Authenticate"))
		}
		s.Close()
	}
	d.AwaitStreams("", crowd.streams)
	if st := d.Status(); st.Refused["unauthorized"] != answers[401] || st.Refused["forbidden"] != answers[403] {
		t.Errorf("refused: %v, want %d unauthorized and %d forbidden", st.Refused, answers[401], answers[403])
	}
	harness.Eventually(t, "the log has come to the last request", func() bool { return d.Log.Contains("not_found") })
	_, signature, _ := strings.Cut(signed, "sig=")
	for name, secret := range map[string]string{
		"the key for URLs": harness.UrlSecret, "the key for tokens": harness.TokenSecret, "a token": good[strings.LastIndexByte(good, '.')+1:],
		"the claims of a token": strings.Split(good, ".")[1], "a signature": signature,
	} {
		if d.Log.Contains(secret) {
			t.Errorf("%s is in the log", name)
		}
	}
	if !d.Log.WaitFor("bad_signature") || !d.Log.WaitFor("ambiguous") {
		t.Error("the log does not say why somebody was refused")
	}
	crowd.survived()
}

// TestT15TheStreamEndsWithItsToken holds streams until their token or signed URL expires.
func TestT15TheStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	d := harness.Guarded(t)
	d.Run()
	good := attackedGoodStreams(d, goodStreamsToken(d))
	for name, credentials := range map[string]func(ttl string) (target string, header []string){
		"token": func(ttl string) (string, []string) {
			token := d.Mint("--key-file", d.Path("jwt.key"), "--kid", "web", "--room", "a", "--ttl", ttl)
			return "/sse?subscribe=a", []string{"Authorization: Bearer " + token}
		},
		"signed URL": func(ttl string) (string, []string) {
			return harness.RequestTarget(t, d.SignURL("a", "--ttl", ttl, "--until", ttl)), nil
		},
	} {
		s, target, header := openFor(d, credentials)
		e, err := s.Next()
		if err != nil || e.Name != "hasses.reauth" || e.Data != `{"reason":"expired"}` {
			t.Fatalf("%s: at the end: %+v, %v", name, e, err)
		}
		if rest, err := s.Rest(); err != nil || len(rest) > 0 {
			t.Errorf("%s: after it: %+v, %v", name, rest, err)
		}
		if _, status, code := d.Ask(target, header...); status != 401 || code != "invalid_token" {
			t.Errorf("%s: again: %d %s, want 401", name, status, code)
		}
	}
	harness.Eventually(t, "token_ended is counted", func() bool { return d.Status().Closed["token_ended"] == 2 })
	good.survived()
}

// openFor opens a stream with credentials that expire soon. It extends their life while the machine
// is too slow to use them in time.
func openFor(d *harness.Daemon, credentials func(ttl string) (string, []string)) (*subscriber.Stream, string, []string) {
	d.T.Helper()
	for ttl := 2 * time.Second; ttl < harness.Patience; ttl *= 2 {
		target, header := credentials(ttl.String())
		if s, status, _ := d.Ask(target, header...); status == 200 {
			return s, target, header
		}
	}
	d.T.Fatal("no credentials open a stream")
	return nil, "", nil
}

// TestT15KeysAreReadAgain changes keys under an open stream.
func TestT15KeysAreReadAgain(t *testing.T) {
	t.Parallel()
	d := harness.Guarded(t)
	d.Run()
	before := d.SignURL("a")
	s, status, _ := d.Ask(harness.RequestTarget(t, before))
	if status != 200 {
		t.Fatalf("status %d", status)
	}

	// A bad file changes nothing, and the error names it.
	harness.WriteFile(t, d.Path("url.key"), []byte("short"))
	if r := d.Ctl("reload"); r.Code != 1 || !strings.Contains(r.Stderr, d.Path("url.key")) || strings.Contains(r.Stderr, "short\n") {
		t.Errorf("reload with a short key: %s", r)
	}
	d.Signal(syscall.SIGHUP)
	harness.Eventually(t, "the log tells of the short key", func() bool { return d.Log.Contains("reload failed") })
	if again, status, _ := d.Ask(harness.RequestTarget(t, before)); status != 200 {
		t.Errorf("with the old key: %d", status)
	} else {
		again.Close()
	}

	harness.WriteFile(t, d.Path("url.key"), []byte(strings.ToUpper(harness.UrlSecret)))
	if r := d.Ctl("reload"); r.Code != 0 || !strings.Contains(r.Stdout, "auth.signed_url.keys") {
		t.Errorf("reload with a new key: %s", r)
	}
	if _, status, _ := d.Ask(harness.RequestTarget(t, before)); status != 401 {
		t.Errorf("with the key that is gone: %d", status)
	}
	if fresh, status, _ := d.Ask(harness.RequestTarget(t, d.SignURL("b"))); status != 200 {
		t.Errorf("with the new key: %d", status)
	} else {
		fresh.Close()
	}
	d.Send("a", "still here")
	harness.WantMessage(t, s, "still here")
}

// TestT15ABrowserStopsWhenItsURLEnds is what a page on another origin sees when a signed URL
// expires: an event that names the reason, and no endless attempts after it.
func TestT15ABrowserStopsWhenItsURLEnds(t *testing.T) {
	t.Parallel()
	chromium := harness.Tool(t, "chromium")
	d := harness.Guarded(t, "--cors-origin", "*", "--cors-credentials=false")
	d.Run()
	for ttl := 4 * time.Second; ; ttl *= 2 {
		stream := d.SignURL("a", "--ttl", ttl.String(), "--until", ttl.String())
		p := harness.Launch(t, []string{"CHROMIUM=" + chromium}, harness.Node(t), "../js/chromium.mjs", stream, harness.ServePage(t))
		opened, events := untilItGivesUp(p)
		if !opened && ttl < harness.Patience {
			continue // the browser was too slow
		}
		if !opened || !slices.Equal(events, []string{"hasses.reauth"}) {
			t.Errorf("opened: %v; before it gave up the page saw %q", opened, events)
		}
		return
	}
}

// untilItGivesUp reads a page's reports until its EventSource is closed for good.
func untilItGivesUp(p *harness.Program) (opened bool, events []string) {
	p.T.Helper()
	for {
		line, ok := p.Line()
		if !ok {
			p.T.Fatalf("the page ended early, after %q", events)
		}
		var r harness.Report
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			p.T.Fatal(err)
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
	d := harness.Guarded(t)
	for name, args := range map[string][]string{
		"no mode":              {"check", "--cert-file", d.Path("cert.pem"), "--key-file", d.Path("key.pem")},
		"no key for tokens":    {"check", "--dev", "--auth", "jwt"},
		"no key for URLs":      {"check", "--dev", "--auth", "signed-url"},
		"a key that is absent": {"check", "--dev", "--auth", "signed-url", "--url-key", d.Path("nowhere")},
		"PEM for a secret":     {"check", "--dev", "--auth", "jwt", "--jwt-key", "HS256:" + d.Path("es.pem")},
		"the private key":      {"check", "--dev", "--auth", "jwt", "--jwt-key", "ES256:" + d.Path("es-private.pem")},
		"none with others":     {"check", "--dev", "--auth", "none,jwt", "--jwt-key", "ES256:" + d.Path("es.pem")},
		"a key for nobody": { // in development mode it is for publishers
			"check", "--auth", "none", "--cert-file", d.Path("cert.pem"), "--key-file", d.Path("key.pem"), "--jwt-key", "ES256:" + d.Path("es.pem"),
		},
	} {
		if r := harness.Run(t, "", harness.Hassesd, args...); r.Code != 2 || !strings.Contains(r.Stderr, "auth.") {
			t.Errorf("%s: %s; want exit code 2 and the key of the setting", name, r)
		}
	}
	if r := harness.Run(t, "", harness.Hassesd, "check", "--dev", "--auth", "jwt", "--jwt-key", "ES256:"+d.Path("es.pem")); r.Code != 0 {
		t.Errorf("a sound configuration: %s", r)
	}
}

// hs256 signs claims, which are already encoded, with a secret.
func hs256(header, claims, secret string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + claims
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
