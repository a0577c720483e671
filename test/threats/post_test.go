package threats

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// TestT43PublishedRequestsWithTwoReadings hides requests in the bodies of others.
func TestT43PublishedRequestsWithTwoReadings(t *testing.T) {
	t.Parallel()
	d := harness.Publishing(t)
	d.Run()
	head := "POST /sse?to=target HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + harness.PublishKey + "\r\n"
	hidden := strings.Replace(head, "target", "hidden", 1) + "Content-Length: 1\r\n\r\nx"
	for name, text := range map[string]string{
		"CL and TE":               head + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", 5+len(hidden), hidden),
		"TE and CL":               head + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden),
		"two CL":                  head + fmt.Sprintf("Content-Length: 0\r\nContent-Length: %d\r\n\r\n%s", len(hidden), hidden),
		"TE that is obfuscated":   head + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n%s", 5+len(hidden), hidden),
		"TE with a tab":           head + "Transfer-Encoding:\tchunked, identity\r\n\r\n0\r\n\r\n" + hidden,
		"LF for CRLF":             head + "Transfer-Encoding: chunked\r\n\r\n0\n\n" + hidden,
		"a chunk that ends early": head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n" + hidden,
		"a size with a sign":      head + "Transfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n" + hidden,
		"a size that overflows":   head + "Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n" + hidden,
	} {
		for _, n := range []int{1, len(text)} {
			answer := oneAnswer(d, n > 1, "127.0.0.1", text, n)
			if !strings.HasPrefix(answer, "HTTP/1.1 400 ") || strings.Count(answer, "HTTP/1.1 ") != 1 {
				t.Errorf("%s, %d bytes at a time: %q", name, n, answer)
			}
		}
	}
	s := d.Subscribe("room=target&room=hidden&lastEventId=earliest")
	d.Send("target", "end")
	harness.WantMessage(t, s, "end")
}

// TestT44PublishedBodiesThatNeverEnd holds requests of all kinds open, with a right to publish and
// without, beside a good publisher.
func TestT44PublishedBodiesThatNeverEnd(t *testing.T) {
	t.Parallel()
	d := harness.Publishing(t, "--limits-request-timeout", "2s", "--publish-stream-idle", "2s", "--publish-requests", "100", "--limits-exempt", "none",
		"--limits-penalties", "off")
	d.Run()
	h := newGoodStreams(d)
	a := newAttacker(t, d.HTTP)
	head := func(key, fields string) string {
		return "POST /sse?to=x HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + key + "\r\n" + fields + "\r\n\r\n"
	}
	kinds := []string{
		head(harness.PublishKey, "Content-Length: 60000"),
		head(harness.PublishKey, "Transfer-Encoding: chunked") + "fff\r\nhello",
		head(harness.PublishKey, "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked") + "7\r\ndata: x\r\n",
		head("wrong", "Content-Length: 60000"),
		head("wrong", "Transfer-Encoding: chunked") + "1\r\n",
	}
	good := d.HTTPClient(false)
	var held []net.Conn
	h.during(5*time.Second, func(ctx context.Context) {
		var n atomic.Int64
		held = a.many(ctx, 400, func(i int) string { return fmt.Sprintf("127.7.0.%d", 1+i%8) }, func(c net.Conn) error {
			_, err := io.WriteString(c, kinds[int(n.Add(1))%len(kinds)])
			return err
		})
		writers := make([]io.Writer, len(held))
		for i, c := range held {
			writers[i] = c
		}
		var publishing sync.WaitGroup
		publishing.Go(func() {
			for ctx.Err() == nil {
				got, err := d.TryPost(good, "to=good", "text/plain", strings.NewReader("x"))
				if err != nil || got.Status != http.StatusOK && got.Status != http.StatusServiceUnavailable || got.Status == 503 && got.Header.Get("Retry-After") == "" {
					t.Errorf("a good publisher got %d %s, %v", got.Status, got.Text, err)
					return
				}
			}
		})
		drip(ctx, writers, []byte(strings.Repeat("x", 1000)), 200*time.Millisecond)
		publishing.Wait()
	})
	a.allEnd(held)
	harness.Eventually(t, "no body is held any more", func() bool {
		var m struct {
			Memory struct {
				BodyBytes int64 `json:"body_bytes"`
			}
		}
		d.Call("limits", nil, &m)
		return m.Memory.BodyBytes == 0
	})
	if got := d.Post(good, "to=good", "text/plain", strings.NewReader("x")); got.Status != 200 {
		t.Errorf("after the attack: %d %s", got.Status, got.Text)
	}
	st := d.Status()
	t.Logf("closed %v, refused %v", st.Closed, st.Refused)
	if st.Refused["publish_request_timeout"]+st.Refused["publish_bad_request"] < 50 {
		t.Errorf("refused %v: this was no attack", st.Refused)
	}
	h.finish()
}

// TestT45IdempotencyKeysInMasses publishes ten thousand messages with a key each, and looks whether
// those of another publisher are still known.
func TestT45IdempotencyKeysInMasses(t *testing.T) {
	t.Parallel()
	d := harness.Publishing(t, "--publish-dedup-keys", "2000")
	d.Run()
	h := newGoodStreams(d)
	c := d.HTTPClient(true)
	token := "Bearer " + d.Mint("--key-file", d.Path("jwt.key"), "--kid", "web", "--publish", "*", "--sub", "other")
	post := func(key string) harness.Answer {
		return d.Post(c, "to=a", "text/plain", strings.NewReader(key), "Authorization", token, "Idempotency-Key", key)
	}
	ids := map[string]string{}
	for i := range 500 {
		key := fmt.Sprint("order-", i)
		ids[key] = post(key).ID
	}
	h.during(3*time.Second, func(context.Context) {
		var greedy sync.WaitGroup
		for w := range 4 {
			greedy.Go(func() {
				for i := range 25 {
					var batch strings.Builder
					for j := range 100 {
						fmt.Fprintf(&batch, `,{"to":"b","data":"x","key":"%d-%d-%d"}`, w, i, j)
					}
					got, err := d.TryPost(c, "", "application/json", strings.NewReader("["+batch.String()[1:]+"]"))
					if err != nil || got.Status != 200 || len(got.Results) != 100 {
						t.Errorf("batch %d of %d: %d %.200s, %v", i, w, got.Status, got.Text, err)
					}
				}
			})
		}
		greedy.Wait()
	})
	for key, id := range ids {
		if again := post(key); !again.Duplicate || again.ID != id {
			t.Fatalf("%s was forgotten: %s", key, again.Text)
		}
	}
	var l struct{ Publish struct{ Keys int } }
	d.Call("limits", nil, &l)
	if l.Publish.Keys > 2000 {
		t.Errorf("%d keys are remembered", l.Publish.Keys)
	}
	h.finish()
}

// TestT46StolenAndGuessedRightsToPublish publishes with the rights of others, and with guessed ones.
func TestT46StolenAndGuessedRightsToPublish(t *testing.T) {
	t.Parallel()
	d := harness.Publishing(t, "--auth-jwt-leeway", "0", "--limits-exempt", "none")
	d.Run()
	c := d.HTTPClient(false)
	web := []string{"--key-file", d.Path("jwt.key"), "--kid", "web"}
	subscriber := d.Mint(append(web, "--room", "*")...)
	publisher := d.Mint(append(web, "--publish", "shop")...)
	brief := d.Mint(append(web, "--publish", "shop", "--ttl", "1s")...)
	if a := d.Post(c, "to=shop", "text/plain", strings.NewReader("good"), "Authorization", "Bearer "+publisher); a.Status != 200 {
		t.Fatalf("the token itself: %d %s", a.Status, a.Text)
	}
	for _, tt := range []struct {
		name, to string
		status   int
		header   []string
	}{
		{"a subscriber's token", "shop", 403, []string{"Authorization", "Bearer " + subscriber}},
		{"a publisher's token for another room", "bank", 403, []string{"Authorization", "Bearer " + publisher}},
		{"a token in a cookie", "shop", 401, []string{"Authorization", "", "Cookie", "__Secure-hassesd=" + publisher}},
		{"a token in the URL", "shop&token=" + publisher, 401, []string{"Authorization", ""}},
		{"a token of another page", "shop", 403, []string{"Authorization", "Bearer " + publisher, "Origin", "https://evil.example"}},
		{"a token that was changed", "shop", 401, []string{"Authorization", "Bearer " + publisher[:len(publisher)-2] + "AA"}},
	} {
		if a := d.Post(c, "to="+tt.to, "text/plain", strings.NewReader("evil"), tt.header...); a.Status != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, a.Status, a.Text, tt.status)
		}
	}

	// A token that expires ends the stream that was begun with it.
	body, posted := io.Pipe()
	done := make(chan harness.Answer, 1)
	go func() {
		a, err := d.TryPost(d.HTTPClient(true), "to=shop", "text/event-stream", body, "Authorization", "Bearer "+brief)
		if err != nil {
			t.Error(err)
		}
		done <- a
	}()
	go func() {
		defer posted.Close()
		for range 200 {
			if _, err := io.WriteString(posted, "data: good\n\n"); err != nil {
				return
			}
			<-time.After(20 * time.Millisecond)
		}
	}()
	if a := <-done; a.Status != 401 || a.Published == 0 || a.Published > 190 {
		t.Errorf("a token that expired in the middle: %d %s", a.Status, a.Text)
	}

	// A guesser is kept out.
	harness.Eventually(t, "the guesser is kept out", func() bool {
		_, err := d.TryPost(d.HTTPClient(false), "to=shop", "text/plain", strings.NewReader("evil"), "Authorization", "Bearer guess")
		return err != nil
	})
	if n := d.Limits().Penalties.Violations["wrong_key"]; n < 9 {
		t.Errorf("kept out after %d guesses", n)
	}
}
