package send

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// scripted is a server that answers each request as its script says, and remembers what was asked.
type scripted struct {
	*httptest.Server
	mu      sync.Mutex
	answers []func(w http.ResponseWriter) // the last one is repeated
	asked   []asked
}

type asked struct {
	key, token string
	data       []string
	keys       []string // of the messages themselves
}

func serve(t *testing.T, answers ...func(w http.ResponseWriter)) *scripted {
	t.Helper()
	s := &scripted{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		var list []api.SendParams
		if json.Unmarshal(body, &list) != nil {
			var one api.SendParams
			if err := json.Unmarshal(body, &one); err != nil {
				t.Errorf("it asks %s", body)
			}
			list = []api.SendParams{one}
		}
		a := asked{key: req.Header.Get("Idempotency-Key"), token: req.Header.Get("Authorization")}
		for _, m := range list {
			a.data = append(a.data, m.Data)
			a.keys = append(a.keys, m.Key)
		}
		s.mu.Lock()
		n := len(s.asked)
		s.asked = append(s.asked, a)
		s.mu.Unlock()
		s.answers[min(n, len(s.answers)-1)](w)
	}))
	t.Cleanup(s.Close)
	return s
}

func says(status int, body string, fields ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// cut ends the connection instead of an answer.
func cut(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func way(t *testing.T, url, token string) *web {
	t.Helper()
	s := session.New(strings.NewReader(""), io.Discard, io.Discard, nil, "1.2.3")
	s.Timeout = 20 * time.Second
	w, err := newWeb(s, url, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func many(data ...string) []api.SendParams {
	var list []api.SendParams
	for _, d := range data {
		list = append(list, api.SendParams{To: api.Targets{"room"}, Data: d})
	}
	return list
}

const done = `{"id":"e-1","matched":3}`

func TestOneMessageOverHTTP(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(" t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, says(200, done))
	messages := many("hello")
	messages[0].Key = "K"
	sent, _, err := way(t, s.URL, token).publish(t.Context(), messages)
	if want := []api.Sent{{ID: "e-1", Matched: 3}}; err != nil || !reflect.DeepEqual(sent, want) {
		t.Errorf("got %v, %v", sent, err)
	}
	if want := []asked{{key: "K", token: "Bearer t0ken", data: []string{"hello"}, keys: []string{""}}}; !reflect.DeepEqual(s.asked, want) {
		t.Errorf("asked %+v", s.asked)
	}
}

// TestARequestIsSentAgainWithItsKey checks that what may have been published is sent again under the
// same key, and what was not is sent again at all.
func TestARequestIsSentAgainWithItsKey(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(http.ResponseWriter){
		"cut off":     cut,
		"overloaded":  says(503, `{"error":{"code":"overloaded","message":"try again"}}`),
		"too many":    says(429, `{}`, "Retry-After", "0"),
		"bad gateway": says(502, "<html>"),
	} {
		s := serve(t, first, first, says(200, `{"id":"e-1","matched":3,"duplicate":true}`))
		sent, _, err := way(t, s.URL, "").publish(t.Context(), many("hello"))
		if err != nil || len(sent) != 1 || !sent[0].Duplicate {
			t.Errorf("%s: got %v, %v", name, sent, err)
		}
		if len(s.asked) != 3 || s.asked[0].key == "" || s.asked[0].key != s.asked[1].key || s.asked[1].key != s.asked[2].key {
			t.Errorf("%s: asked %+v", name, s.asked)
		}
	}
}

func TestRefusalsOverHTTP(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		code   int
		text   string
	}{
		{401, exit.NotAllowed, "401 Unauthorized: why"},
		{403, exit.NotAllowed, "403 Forbidden: why"},
		{404, exit.NotFound, "404 Not Found: why"},
		{405, exit.Failed, "405 Method Not Allowed: why"},
		{413, exit.Failed, "413 Request Entity Too Large: why"},
		{422, exit.Failed, "422 Unprocessable Entity: why"},
		{400, exit.Failed, "400 Bad Request: why"},
	} {
		s := serve(t, says(tt.status, `{"error":{"code":"c","message":"why"}}`))
		_, _, err := way(t, s.URL, "").publish(t.Context(), many("hello"))
		var e *exit.Error
		if !errors.As(err, &e) || e.Code != tt.code || !strings.Contains(e.Error(), tt.text) || len(s.asked) != 1 {
			t.Errorf("%d: %v, asked %d times", tt.status, err, len(s.asked))
		}
	}
	s := serve(t, says(200, "<html>"))
	if _, _, err := way(t, s.URL, "").publish(t.Context(), many("hello")); err == nil || !strings.Contains(err.Error(), "not hassesd's") {
		t.Errorf("another server: %v", err)
	}
}

func TestNoRedirectGetsTheToken(t *testing.T) {
	t.Parallel()
	other := serve(t, says(200, done))
	s := serve(t, says(307, "", "Location", other.URL))
	_, _, err := way(t, s.URL, "").publish(t.Context(), many("hello"))
	var e *exit.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint, other.URL) || len(other.asked) != 0 {
		t.Errorf("%v, and the other was asked %d times", err, len(other.asked))
	}
}

func TestNobodyIsWaitedForInVain(t *testing.T) {
	t.Parallel()
	s := serve(t, says(200, done))
	gone := s.URL
	s.Close()
	begun := time.Now()
	if _, _, err := way(t, gone, "").publish(t.Context(), many("hello")); err == nil || time.Since(begun) > 10*time.Second {
		t.Errorf("nobody listens: %v after %s", err, time.Since(begun))
	}
	release := make(chan struct{})
	hangs := serve(t, func(http.ResponseWriter) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := way(t, hangs.URL, "").publish(ctx, many("hello")); !errors.Is(err, api.ErrTimeout) {
		t.Errorf("no answer: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	busy := serve(t, says(503, `{"error":{"code":"overloaded","message":"the loops are behind"}}`, "Retry-After", "60"))
	if _, _, err := way(t, busy.URL, "").publish(ctx, many("hello")); err == nil || !strings.Contains(err.Error(), "the loops are behind") || len(busy.asked) != 1 {
		t.Errorf("later than there is time: %v, asked %d times", err, len(busy.asked))
	}
	behind := `{"error":{"code":"overloaded","message":"the loops are behind"}}`
	busy = serve(t, says(503, `{"results":[`+behind+`,`+behind+`]}`, "Retry-After", "60"))
	if _, _, err := way(t, busy.URL, "").publish(ctx, many("a", "b")); err == nil || len(busy.asked) != 1 {
		t.Errorf("many, later than there is time: %v, asked %d times", err, len(busy.asked))
	}
}

// TestManyMessagesKeepTheirOrder checks that after an overload the rest goes on where it ended, and
// that a refusal ends all.
func TestManyMessagesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const busy = `{"error":{"code":"overloaded","message":"try again"}}`
	s := serve(t,
		says(200, `{"results":[`+done+`,`+busy+`,`+busy+`,`+busy+`]}`),
		says(503, `{"results":[`+busy+`,`+busy+`,`+busy+`]}`),
		says(200, `{"results":[{"id":"e-2","matched":0},{"id":"e-3","matched":0},{"id":"e-4","matched":0}]}`),
	)
	messages := many("a", "b", "c", "d")
	messages[0].Key = "given"
	sent, _, err := way(t, s.URL, "").publish(t.Context(), messages)
	if err != nil || len(sent) != 4 || sent[3].ID != "e-4" {
		t.Errorf("got %v, %v", sent, err)
	}
	for i, want := range []string{"a b c d", "b c d", "b c d"} {
		if got := strings.Join(s.asked[i].data, " "); got != want || s.asked[i].key != "" {
			t.Errorf("request %d has %s, want %s", i, got, want)
		}
	}
	if first, last := s.asked[0].keys, s.asked[2].keys; first[0] != "given" || first[1] == "" || !reflect.DeepEqual(first[1:], last) {
		t.Errorf("the keys are %q, and then %q", first, last)
	}

	s = serve(t, says(200, `{"results":[`+done+`,{"error":{"code":"invalid_message","message":"bad event","field":"event"}},{"id":"e-3","matched":1}]}`))
	sent, failed, err := way(t, s.URL, "").publish(t.Context(), many("a", "b", "c"))
	if err == nil || err.Error() != "bad event" || failed != 1 || len(sent) != 2 || sent[1].ID != "e-3" || len(s.asked) != 1 {
		t.Errorf("got %v, %d, %v", sent, failed, err)
	}
	s = serve(t, says(403, `{"error":{"code":"room_not_allowed","message":"not this room"}}`))
	if _, failed, err := way(t, s.URL, "").publish(t.Context(), many("a", "b")); err == nil || failed != 0 {
		t.Errorf("all refused: %d, %v", failed, err)
	}
}
