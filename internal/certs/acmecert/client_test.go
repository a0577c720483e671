package acmecert

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestRetryBackoff(t *testing.T) {
	for _, c := range []struct {
		name       string
		n, status  int
		retryAfter string
		least      time.Duration
		most       time.Duration
	}{
		{"bad nonce", 1, 400, "", 50 * time.Millisecond, 50 * time.Millisecond},
		{"many bad nonces", 20, 400, "", 50 * time.Millisecond, 50 * time.Millisecond},
		{"too many", 21, 400, "", 0, 0},
		{"rate limit", 1, 429, "1", 0, 0},
		{"out of order", 1, 503, "", time.Second, time.Second},
		{"again", 3, 500, "", 3 * time.Second, 3 * time.Second},
		{"for good", 4, 500, "", 0, 0},
		{"soon", 1, 503, "5", 4 * time.Second, 5 * time.Second},
		{"at once", 1, 503, "0", time.Second, time.Second},
		{"a long time", 1, 503, "3600", 0, 0},
	} {
		res := &http.Response{StatusCode: c.status, Header: http.Header{}}
		if c.retryAfter != "" {
			res.Header.Set("Retry-After", c.retryAfter)
		}
		if got := retryBackoff(c.n, nil, res); got < c.least || got > c.most {
			t.Errorf("%s: %s, want %s to %s", c.name, got, c.least, c.most)
		}
	}
}

func TestParseRetryAfter(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Time
		ok   bool
	}{
		{"", time.Time{}, false},
		{"0", noon, true},
		{"90", noon.Add(90 * time.Second), true},
		{"Mon, 01 Jun 2026 13:00:00 GMT", noon.Add(time.Hour), true},
		{"-5", time.Time{}, false},
		{"99999999999999999999", time.Time{}, false},
		{"soon", time.Time{}, false},
	} {
		if got, ok := parseRetryAfter(c.text, noon); ok != c.ok || !got.Equal(c.want) {
			t.Errorf("%q: %s, %v; want %s, %v", c.text, got, ok, c.want, c.ok)
		}
	}
}

func TestErrorText(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                   "plain",
		"two\nlines\twith  blank": "two lines with blank",
		"\x1b[31mred\x1b[0m é":    `\x1B[31mred\x1B[0m \u{E9}`,
		strings.Repeat("x", 1000): strings.Repeat("x", maxErrorText) + "...",
	} {
		if got := errorText(errors.New(text)); got != want {
			t.Errorf("%.40q became %.60q, want %.60q", text, got, want)
		}
	}
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 64<<10)
		for range 100 {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
	defer server.Close()
	ca := &fakeCA{server: server}
	client := newHTTPClient(ca.roots())
	defer client.CloseIdleConnections()
	res, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if n, err := io.Copy(io.Discard, res.Body); n != maxAnswer || err != nil {
		t.Errorf("read %d bytes, %v; want %d", n, err, maxAnswer)
	}
}

func TestRedirectsToPlainHTTPAreNotFollowed(t *testing.T) {
	server := httptest.NewTLSServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	defer server.Close()
	ca := &fakeCA{server: server}
	client := newHTTPClient(ca.roots())
	defer client.CloseIdleConnections()
	res, err := client.Get(server.URL)
	if err == nil {
		res.Body.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "which is not followed") {
		t.Errorf("got %v", err)
	}
}
