package threats

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// TestT14PagesOfOtherSites: pages elsewhere make their visitors' browsers ask, with the cookie of a good user. None gets a
// stream, and no answer names an origin that is not in the list.
func TestT14PagesOfOtherSites(t *testing.T) {
	t.Parallel()
	const listed = "https://good.example"
	d := harness.Guarded(t, "--cors-origin", listed)
	d.Run()
	good := attackedGoodStreams(d, goodStreamsToken(d))
	cookie := "Cookie: __Secure-hassesd=" + d.Mint("--key-file", d.Path("jwt.key"), "--kid", "web", "--room", "a")
	ask := func(header ...string) (status int, answer http.Header) {
		t.Helper()
		r := d.Request("subscribe=a")
		r.Header = append(header, cookie)
		s, err := subscriber.Open(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if s.Status != 200 {
			if _, err := io.Copy(io.Discard, s.Body); err != nil {
				t.Error(err)
			}
		}
		return s.Status, s.Header
	}
	for i := range 5 {
		for _, origin := range []string{
			"https://evil.example", "http://good.example", "https://good.example.evil.example", "https://evilgood.example",
			"https://good.example:8443", "https://good.example/", "null", "file://", "*",
			fmt.Sprintf("https://%d.example", i),
		} {
			status, answer := ask("Origin: "+origin, "Sec-Fetch-Site: cross-site")
			if status != 403 {
				t.Errorf("a page of %s: %d, want 403", origin, status)
			}
			if allowed := answer.Get("Access-Control-Allow-Origin"); allowed != "" {
				t.Errorf("a page of %s may read: Access-Control-Allow-Origin: %s", origin, allowed)
			}
		}
		if status, _ := ask("Sec-Fetch-Site: cross-site"); status != 403 {
			t.Errorf("a page elsewhere without an origin: %d, want 403", status)
		}
		if status, answer := ask("Origin: "+listed, "Sec-Fetch-Site: cross-site"); status != 200 ||
			answer.Get("Access-Control-Allow-Origin") != listed || !strings.Contains(strings.Join(answer.Values("Vary"), ","), "Origin") {
			t.Errorf("a page of a listed site: %d, %v", status, answer)
		}
	}
	good.survived()
}

// TestT16RoomNamesOfStrangers: subscribers invent as many rooms as they may, and leave.
func TestT16RoomNamesOfStrangers(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--log-level", "normal")
	h := newGoodStreams(d)
	var opened counter
	h.during(time.Second, func(ctx context.Context) {
		var clients sync.WaitGroup
		for n := range 4 {
			clients.Go(func() {
				for i := 0; i == 0 || ctx.Err() == nil; i++ {
					r := d.Plain("")
					r.Target = "/sse?subscribe=" + madeUp(n, i, 20)
					s, err := subscriber.Open(t.Context(), r)
					if err != nil {
						t.Error(err)
						return
					}
					if s.Status != 200 {
						t.Errorf("status %d", s.Status)
					}
					opened.add(20)
					s.Close()
				}
			})
		}
		clients.Wait()
	})
	r := d.Plain("")
	r.Target = "/sse?subscribe=" + madeUp(0, 0, 100)
	s, err := subscriber.Open(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Status != 400 {
		t.Errorf("a stream on 100 rooms: status %d, want 400", s.Status)
	}
	var rooms struct {
		Total int `json:"total"`
	}
	harness.Eventually(t, "the rooms of those who left are gone", func() bool {
		d.Call("rooms", nil, &rooms)
		return rooms.Total == 1
	})
	t.Logf("%d names came and went", opened.get())
	h.finish()
}

// madeUp returns a list of rooms that no other subscriber has.
func madeUp(n, i, rooms int) string {
	names := make([]string, rooms)
	for k := range names {
		names[k] = fmt.Sprintf("made%dup%dname%d", n, i, k)
	}
	return strings.Join(names, "-")
}
