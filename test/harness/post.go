package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// PublishKey is the key of the publisher "shop" of Publishing.
const PublishKey = "publish-key-of-the-tests-0123456789"

// Publishing prepares a daemon that takes POST, with a key for publishing (shop), and one that may
// only read (reader).
func Publishing(t testing.TB, flags ...string) *Daemon {
	t.Helper()
	d := Prepare(t)
	WriteFile(t, d.Path("jwt.key"), []byte(TokenSecret+"\n"))
	WriteFile(t, d.Path("shop.key"), []byte(PublishKey+"\n"))
	WriteFile(t, d.Path("reader.key"), []byte("reader-"+PublishKey+"\n"))
	WriteFile(t, d.Path("hassesd.toml"), fmt.Appendf(nil,
		"[publish]\nhttp = true\n[[control.key]]\nid = \"shop\"\nrole = \"publish\"\nfile = %q\n[[control.key]]\nid = \"reader\"\nrole = \"read\"\nfile = %q\n",
		d.Path("shop.key"), d.Path("reader.key")))
	d.Args = append(append(d.Args, "--config", d.Path("hassesd.toml"), "--jwt-key", "web=HS256:"+d.Path("jwt.key")), flags...)
	return d
}

// Answer is the answer to a POST.
type Answer struct {
	Status int         `json:"-"`
	Header http.Header `json:"-"`
	Proto  string      `json:"-"`
	Text   string      `json:"-"` // of the body

	ID         string
	Matched    *int
	Duplicate  bool
	Results    []Answer
	Published  int
	FirstID    string `json:"first_id"`
	LastID     string `json:"last_id"`
	Incomplete bool
	Error      *struct{ Code, Message, Field string }
}

// Code returns the code of the error, or "".
func (a Answer) Code() string {
	if a.Error == nil {
		return ""
	}
	return a.Error.Code
}

// HTTPClient returns a client that trusts the daemon, and speaks HTTP/2 or not.
func (d *Daemon) HTTPClient(http2 bool) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	transport := &http.Transport{TLSClientConfig: d.CA.ClientConfig(), Protocols: &protocols, MaxIdleConnsPerHost: 100}
	d.T.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * Patience}
}

// Post publishes as the shop, unless the header "Authorization" says otherwise. Headers are pairs.
func (d *Daemon) Post(c *http.Client, query, contentType string, body io.Reader, header ...string) Answer {
	d.T.Helper()
	a, err := d.TryPost(c, query, contentType, body, header...)
	if err != nil {
		d.T.Fatal(err)
	}
	return a
}

// TryPost is Post for a request that may fail. It may be called from any goroutine.
func (d *Daemon) TryPost(c *http.Client, query, contentType string, body io.Reader, header ...string) (a Answer, err error) {
	return d.TryPostAt(c, d.URL(query), contentType, body, header...)
}

// TryPostAt is TryPost to a URL.
func (d *Daemon) TryPostAt(c *http.Client, url, contentType string, body io.Reader, header ...string) (a Answer, err error) {
	r, err := http.NewRequestWithContext(d.T.Context(), http.MethodPost, url, body)
	if err != nil {
		return a, err
	}
	r.Header.Set("Authorization", "Bearer "+PublishKey)
	r.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Del(header[i])
		if header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	answer, err := c.Do(r)
	if err != nil {
		return a, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return a, err
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&a); err != nil {
		return a, fmt.Errorf("the answer %q: %w", text, err)
	}
	a.Status, a.Header, a.Proto, a.Text = answer.StatusCode, answer.Header, answer.Proto, string(text)
	return a, nil
}
