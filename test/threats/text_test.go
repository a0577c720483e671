package threats

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hassesd/hassesd/internal/terminaltest"
	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// harmful returns texts that control a terminal, that make one line two, or that are invisible. The
// text around each tells it from our own output.
func harmful() []string {
	var c0, high, c1 strings.Builder
	for b := range 0x20 {
		c0.WriteByte(byte(b))
	}
	for b := 0x7f; b <= 0x9f; b++ {
		high.WriteByte(byte(b))
		c1.WriteRune(rune(b))
	}
	return []string{
		"\x1b[5;7mblink", "\x1b]0;owned\x07", "\u009b5;7mblink", "\x9b5;7mblink", "\u009d0;owned\u009c", "\x7f\x08\x08\x08", "\t",
		"\r\ntime=2026-01-01T00:00:00Z level=ERROR msg=forged", "\n{\"level\":\"ERROR\",\"msg\":\"forged\"}", "\rforged", "\u0085forged",
		"\u202a\u202b\u202c\u202d\u202e", "\u2066\u2067\u2068\u2069", "\u2028forged\u2029", "\x00", `\x1b[5;7m`,
		c0.String(), high.String(), c1.String(), strings.Trim(c0.String(), "\x00\n\r"),
	}
}

// harm returns the index of the first part of text that must reach neither a log nor a terminal
// from outside, or -1. Characters in but are allowed.
func harm(text, but string) int {
	for i, r := range text {
		switch {
		case strings.ContainsRune(but, r):
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"),
			r < 0x20, r >= 0x7f && r <= 0x9f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029:
			return i
		}
	}
	return -1
}

// heads returns requests with text in each field that a subscriber can fill, raw and, where
// possible, percent-encoded.
func heads(text string) map[string]string {
	encoded := url.QueryEscape(text)
	get := func(target string, lines ...string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + strings.Join(append(lines, "Connection: close"), "\r\n") + "\r\n\r\n"
	}
	token := base64.RawURLEncoding.EncodeToString
	jwt := token([]byte(`{"alg":"HS256","kid":`+quoted(text)+`}`)) + "." + token([]byte(`{"sub":`+quoted(text)+`}`)) + "." + token([]byte(text))
	return map[string]string{
		"method":                "GET" + text + " /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"path":                  get("/evil" + text),
		"path, encoded":         get("/evil" + strings.ReplaceAll(encoded, "+", "%20")),
		"version":               "GET /sse HTTP/1.1" + text + "\r\nHost: localhost\r\n\r\n",
		"room":                  get("/sse?subscribe=evil" + text),
		"room, encoded":         get("/sse?subscribe=evil" + encoded),
		"id":                    get("/sse?subscribe=a&id=evil" + text),
		"id, encoded":           get("/sse?subscribe=a&id=evil" + encoded),
		"name of a parameter":   get("/sse?subscribe=a&evil" + encoded + "=x"),
		"signature":             get("/sse?subscribe=a&kid=evil" + encoded + "&sig=" + encoded + "&exp=" + encoded),
		"?token=":               get("/sse?subscribe=a&token=evil" + encoded),
		"Host":                  "GET /sse?subscribe=a HTTP/1.1\r\nHost: evil" + text + "\r\n\r\n",
		"Origin":                get("/sse?subscribe=a", "Origin: https://evil"+text),
		"Referer":               get("/sse?subscribe=a", "Referer: https://evil"+text),
		"User-Agent":            get("/sse?subscribe=a", "User-Agent: evil"+text),
		"Last-Event-ID":         get("/sse?subscribe=a", "Last-Event-ID: evil"+text),
		"Last-Event-ID, query":  get("/sse?subscribe=a&last_event_id=evil" + encoded),
		"Cookie":                get("/sse?subscribe=a", "Cookie: __Secure-hassesd=evil"+text),
		"Cookie with a token":   get("/sse?subscribe=a", "Cookie: __Secure-hassesd="+jwt),
		"Authorization":         get("/sse?subscribe=a", "Authorization: Bearer evil"+text),
		"Authorization, token":  get("/sse?subscribe=a", "Authorization: Bearer "+jwt),
		"name of a field":       get("/sse?subscribe=a", "X-Evil"+text+": x"),
		"Accept":                get("/sse?subscribe=a", "Accept: evil"+text, "Accept-Encoding: evil"+text, "X-Forwarded-For: "+text),
		"preflight":             "OPTIONS /sse HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil" + text + "\r\nAccess-Control-Request-Method: GET" + text + "\r\n\r\n",
		"nothing but the text":  text,
		"challenge of an order": get("/.well-known/acme-challenge/evil" + text),
	}
}

// quoted returns text as a JSON string.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic("test: internal error: " + err.Error())
	}
	return string(b)
}

// exchange sends bytes on a connection, and returns when a response has come or the other side has
// closed. A harmful text in the response is an error.
func exchange(t testing.TB, conn net.Conn, what, text string) {
	t.Helper()
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return // it was refused already
	}
	// The write side is closed after the bytes: a daemon that waits for the end of a line, or of a head, sees that none comes.
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
	}
	buf := make([]byte, 16<<10)
	n, _ := conn.Read(buf)
	if isEcho(what) {
		return
	}
	if harm(string(buf[:n]), "\r\n") >= 0 {
		t.Errorf("%s: %q is answered by %q", what, text, buf[:n])
	}
}

// isEcho reports whether the response to what returns the client's own text by design: the id of a
// JSON-RPC request, the Last-Event-ID in a gap.
func isEcho(what string) bool {
	return strings.HasPrefix(what, "{") || strings.HasPrefix(what, "Last-Event-ID")
}

// attackAsSubscriber sends every harmful text that a subscriber can send, in plaintext, over TLS,
// and in the handshake itself.
func attackAsSubscriber(d *harness.Daemon) {
	d.T.Helper()
	for _, text := range harmful() {
		for field, head := range heads(text) {
			conn, err := net.DialTimeout("tcp", d.HTTP, harness.Patience)
			if err != nil {
				d.T.Fatal(err)
			}
			exchange(d.T, conn, field, head)
		}
		short := text[:min(len(text), 200)]
		for name, config := range map[string]*tls.Config{
			"SNI":               {ServerName: "evil" + short},
			"ALPN":              {NextProtos: []string{"evil" + short}},
			"SNI and ALPN, 1.2": {ServerName: short + ".evil", NextProtos: []string{short, "evil"}, MaxVersion: tls.VersionTLS12},
		} {
			config.InsecureSkipVerify = true
			conn, err := net.DialTimeout("tcp", d.HTTPS, harness.Patience)
			if err != nil {
				d.T.Fatal(err)
			}
			exchange(d.T, tls.Client(conn, config), name, "GET /sse?subscribe=a HTTP/1.1\r\nHost: evil\r\nConnection: close\r\n\r\n")
		}
		conn, err := net.DialTimeout("tcp", d.HTTPS, harness.Patience)
		if err != nil {
			d.T.Fatal(err)
		}
		exchange(d.T, conn, "no TLS at all", "evil"+text+strings.Repeat("\n", 8))
	}
}

// attackControl sends every harmful text that a client of the control protocol can send.
func attackControl(d *harness.Daemon) {
	d.T.Helper()
	for _, text := range harmful() {
		for _, line := range []string{
			text, "evil" + text, text + "=", text + "=x", "evil" + text + "-evil" + text + "=x", "a-evil" + text + "=x",
			"subscribedclients:evil" + text, "tcpsubscribedclients:evil" + text, "loglevel_" + text, "auth evil" + text,
			`{"jsonrpc":"2.0","id":1,"method":"evil` + text + `"}`, `{"jsonrpc":"2.0","id":1,"method":` + quoted("evil"+text) + `}`,
			`{"jsonrpc":"2.0","id":` + quoted(text) + `,"method":"send","params":{"to":` + quoted("evil"+text) + `,"data":"x"}}`,
			`{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"a","except":` + quoted("evil"+text) + `,"data":"x"}}`,
			`{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"a","event":` + quoted("evil"+text) + `,"data":"x"}}`,
			`{"jsonrpc":"2.0","id":1,"method":"send","params":{` + quoted("evil"+text) + `:"a","data":"x"}}`,
			`{"jsonrpc":"2.0","id":1,"method":"kick","params":{"id":` + quoted("evil"+text) + `}}`,
			`{"jsonrpc":"2.0","id":1,"method":"kick","params":{"room":` + quoted("evil"+text) + `}}`,
			`{"jsonrpc":"2.0","id":1,"method":"clients","params":{"addr":` + quoted("evil"+text) + `}}`,
			`{"jsonrpc":"2.0","id":1,"method":"loglevel","params":{"level":` + quoted("evil"+text) + `}}`,
			`{"jsonrpc":` + quoted(text) + `,"id":1,"method":"hello"}`,
		} {
			conn, err := net.DialTimeout("tcp", d.TCP, harness.Patience)
			if err != nil {
				d.T.Fatal(err)
			}
			exchange(d.T, conn, line, line+"\n")
		}
	}
}

// wantCleanLog waits until the log mentions the last text, and checks that every line of it is ours
// and printable ASCII.
func wantCleanLog(d *harness.Daemon, line *regexp.Regexp, mentions ...string) {
	d.T.Helper()
	for _, text := range mentions {
		harness.Eventually(d.T, text+" in the log", func() bool { return d.Log.Contains(text) })
	}
	text := d.Log.Whole()
	text = styles.Replace(text[:strings.LastIndexByte(text, '\n')+1]) // behind that a line is still being written
	bad := 0
	for one := range strings.Lines(text) {
		one = strings.TrimSuffix(one, "\n")
		if !line.MatchString(one) || strings.ContainsFunc(one, func(r rune) bool { return r < ' ' || r > '~' }) {
			if bad++; bad < 10 {
				d.T.Errorf("in the log: %.300q", one)
			}
		}
	}
	d.T.Logf("%d lines, %d of them wrong", strings.Count(text, "\n"), bad)
}

// TestT10Logs: no text from outside reaches the log unescaped, in any format, at the most verbose
// level.
func TestT10Logs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, format string
		terminal     bool
		line         string // what each begins and ends with
		id           string // the beginning of an id that a client chose
	}{
		{"text", "text", false, `^time=\S+Z? level=(DEBUG|INFO|WARN|ERROR) msg=`, "id=evil"},
		{"JSON", "json", false, `^\{"time":"[^"]+","level":"[A-Z]+","msg":".*\}$`, `"id":"evil`},
		{"terminal", "auto", true, `^\d\S* (DBG|INF|WRN|ERR) `, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := harness.Guarded(t, "--log-format", tt.format)
			if !tt.terminal {
				d = harness.Prepare(t, "--log-format", tt.format)
			}
			if tt.terminal {
				d.Screen, d.TTY = terminaltest.Open(t)
				d.Env = []string{"TERM=xterm"}
			}
			d.Run()
			var show []string
			if tt.terminal {
				show = []string{goodStreamsToken(d)}
			}
			good := attackedGoodStreams(d, show...)
			attackAsSubscriber(d)
			attackControl(d)
			good.survived()
			marks := []string{"handshake failed", "unsupported application protocols", "request answered", "control connection opened"}
			if !tt.terminal {
				marks = append(marks, "stream opened", tt.id)
			}
			wantCleanLog(d, regexp.MustCompile(tt.line), marks...)
		})
	}
}

// TestT10CertificateSubjects: nor does the text in a client certificate of the control port.
func TestT10CertificateSubjects(t *testing.T) {
	t.Parallel()
	d := harness.StartControlTLS(t)
	good := attackedGoodStreams(d.Daemon)
	for i, text := range harmful() {
		text = strings.ToValidUTF8(text, "?") // or it cannot be signed
		name := fmt.Sprint("evil", i)
		d.IssueChanged(t, name, func(c *x509.Certificate) {
			c.Subject.CommonName, c.Subject.Organization = "evil"+text, []string{text}
			c.URIs = []*url.URL{{Scheme: "hassesd", Opaque: "client:alice"}} // one that has a role, or none
			if i%2 > 0 {
				c.URIs = []*url.URL{{Scheme: "hassesd", Opaque: "client:nobody"}}
			}
			if strings.IndexFunc(text, func(r rune) bool { return r > 0x7f }) < 0 {
				c.DNSNames, c.EmailAddresses = []string{"evil" + text}, []string{"evil" + text + "@example.org"}
			}
		})
		text = strings.ReplaceAll(text, "\x00", "") // no program can be given it
		if r := d.As(t, name, "send", "evil"+text, "x"+text); harm(r.Stdout+r.Stderr, "\n") >= 0 {
			t.Errorf("hassesctl: %s", r)
		}
	}
	good.survived()
	wantCleanLog(d.Daemon, regexp.MustCompile(`^time=\S+Z? level=(DEBUG|INFO|WARN|ERROR) msg=`), "reason=no_role", "identity=uri:hassesd:client:alice")
}

// TestT10Terminals: hassesctl shows text from clients and publishers so that the terminal does not
// obey it.
func TestT10Terminals(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	good := attackedGoodStreams(d)
	ctl := func(is func(shown string) bool, mentions string, args ...string) {
		t.Helper()
		for _, format := range []string{"--json=false", "--json"} {
			shown := styles.Replace(onTerminal(t, is, harness.Hassesctl, append([]string{"--socket", d.Socket, format}, args...)...))
			if !strings.Contains(shown, mentions) {
				t.Errorf("%q %s does not show %s: %.500q", args, format, mentions, shown)
			}
			if i := harm(shown, "\n\t"); i >= 0 {
				t.Errorf("%q %s shows %.100q", args, format, shown[max(0, i-20):])
			}
		}
	}
	accepted := 0
	for i, text := range harmful() {
		for field, r := range map[string]subscriber.Request{
			"room":       d.Plain("subscribe=evil" + url.QueryEscape(text)),
			"id":         d.Plain("subscribe=a&id=evil" + url.QueryEscape(text)),
			"User-Agent": d.Plain(fmt.Sprintf("subscribe=a&id=agent%d", i)),
		} {
			if field == "User-Agent" {
				r.Header = []string{"User-Agent: evil" + text}
			}
			s, err := subscriber.Open(t.Context(), r)
			if err != nil {
				t.Fatalf("%s %q: %v", field, text, err)
			}
			t.Cleanup(func() { s.Close() })
			if s.Status == 200 {
				accepted++
			}
		}
	}
	if accepted < 10 {
		t.Errorf("only %d streams with something harmful are opened", accepted)
	}
	ctl(nil, "evil", "clients")
	ctl(nil, "evil", "rooms")
	for _, text := range harmful() {
		if strings.Contains(text, "\x00") {
			continue // no program can be given it
		}
		ctl(nil, "", "count", "evil"+text)
		ctl(nil, "", "kick", "evil"+text)
		ctl(nil, "evil", "evil"+text)
	}
	// hassesctl tail shows what was published in a room.
	for _, text := range harmful() {
		text = strings.ToValidUTF8(text, "?")
		_ = d.Try("send", harness.Object{"to": "watched", "event": "evil" + text, "data": "evil" + text + "\nevil"}, nil)
		d.Send("watched", "evil"+text)
	}
	d.Send("watched", "evil, the last of them")
	ctl(func(shown string) bool { return strings.Contains(shown, "the last of them") },
		"evil", "tail", "--ca", d.CaFile, "--url", "https://"+d.HTTPS+"/sse", "--since", "x-0", "watched")
	good.survived()
}
