package edge

import "testing"

func TestAChallengeIsAnsweredWithoutTLS(t *testing.T) {
	challenge := func(token string) (string, bool) { return token + ".thumb", token == "tok-en_1" }
	w := newTestServer(t, func(s *setup) { s.challenge = challenge })

	c := w.connect()
	c.get("/.well-known/acme-challenge/tok-en_1", "Accept: */*")
	c.want(`HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n(.+\r\n)*Content-Length: 14\r\n(.+\r\n)*\r\ntok-en_1.thumb`)
	c.wantEnd()

	c = w.connect()
	c.Send([]byte("HEAD /.well-known/acme-challenge/tok-en_1 HTTP/1.0\r\n\r\n"))
	w.turn()
	c.want(`HTTP/1.0 200 OK\r\n(.+\r\n)*Content-Length: 14\r\n(.+\r\n)*\r\n`)
	c.wantEnd()

	// Nothing else on the listener changes.
	w.subscribe("subscribe=a")
	w.check()
}

func TestWhatIsNoChallengeIsAnsweredAsUsual(t *testing.T) {
	known := func(string) (string, bool) { return "answer", true }
	for _, tt := range []struct {
		name      string
		challenge func(string) (string, bool)
		request   string
		status    string
	}{
		{"nobody asks", nil, "GET /.well-known/acme-challenge/a HTTP/1.1", "404 Not Found"},
		{"unknown token", func(string) (string, bool) { return "", false }, "GET /.well-known/acme-challenge/a HTTP/1.1", "404 Not Found"},
		{"another path", known, "GET /.well-known/acme-challenge HTTP/1.1", "404 Not Found"},
		{"another method", known, "POST /.well-known/acme-challenge/a HTTP/1.1", "404 Not Found"},
		{"OPTIONS", known, "OPTIONS /.well-known/acme-challenge/a HTTP/1.1", "404 Not Found"},
		{"a body", known, "GET /.well-known/acme-challenge/a HTTP/1.1\r\nContent-Length: 1", "400 Bad Request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newTestServer(t, func(s *setup) { s.challenge = tt.challenge })
			c := w.connect()
			c.Send([]byte(tt.request + "\r\nHost: push.example.org\r\n\r\n"))
			w.turn()
			c.want(`HTTP/1.1 ` + tt.status + `\r\n`)
		})
	}
}
