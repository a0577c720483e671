package examples

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// page is the URL of an example's page that takes the stream from its query.
func (e *example) page() string { return e.site + "/?stream=" + url.QueryEscape(e.stream()) }

func (e *example) succeeds(line, want string) {
	e.t.Helper()
	if r := e.shell(line); r.Code != 0 || !strings.Contains(r.Stdout, want) {
		e.t.Errorf("%s: %s\nwant %q", line, r, want)
	}
}

func TestHello(t *testing.T) {
	t.Parallel()
	e := prepare(t, "hello")
	e.start()
	e.serve()
	b := newBrowser(t)
	b.do("open", "tab", e.page())
	b.do("text", "tab", "#state", "open")
	e.succeeds(e.readme("hassesctl send")[0], "delivered to 1 stream")
	b.do("text", "tab", "#messages li", "hello")
	e.Send("room624", "<b>not markup</b>")
	b.do("text", "tab", "#messages li:last-child", "<b>not markup</b>")
}

// TestSharedStream: eight tabs of a browser against a daemon that speaks HTTP/1.1 alone, of which a browser opens six
// connections at most. All tabs get every event, over one stream.
func TestSharedStream(t *testing.T) {
	t.Parallel()
	e := prepare(t, "shared-stream")
	e.start()
	e.serve()
	b := newBrowser(t)
	const tabs, events = 8, 20
	name := func(i int) string { return fmt.Sprintf("person/%d", i) }
	for i := range tabs {
		b.do("open", name(i), e.page())
		b.do("text", name(i), "#state", "joined")
	}
	e.AwaitStreams("room624", 1)
	var want []string
	for i := range events {
		text := fmt.Sprintf("message %d", i)
		want = append(want, text)
		e.Send("room624", text)
	}
	for i := range tabs {
		b.shows(name(i), "#messages li", want...)
	}
	e.succeeds(e.readme("hassesctl count")[0], "1")

	// The tab that began it leaves; the stream goes on.
	b.do("close", name(0))
	e.Send("room624", "after the first tab")
	for i := 1; i < tabs; i++ {
		b.do("text", name(i), "#messages li:last-child", "after the first tab")
	}
	if n := e.Streams("room624"); n != 1 {
		t.Errorf("%d streams, want 1", n)
	}
}

func TestChat(t *testing.T) {
	t.Parallel()
	e := prepare(t, "chat")
	e.succeedsWithoutDaemon(e.readme("umask")[0])
	e.start()
	e.serve()
	b := newBrowser(t)
	signIn := func(tab, name string, rooms ...string) {
		t.Helper()
		b.do("open", tab, e.site+"/")
		b.do("fill", tab, "input[name=name]", name)
		for _, room := range rooms {
			b.do("click", tab, "input[value="+room+"]")
		}
		b.do("click", tab, "#sign-in button")
		b.do("text", tab, "#state", "open")
	}
	say := func(tab, room, text string) {
		t.Helper()
		b.do("select", tab, "#say select", room)
		b.do("fill", tab, "#say input", text)
		b.do("click", tab, "#say button")
	}
	signIn("ann", "Ann", "lobby", "garden")
	signIn("bob", "Bob", "lobby")
	signIn("eve", "Eve", "garden")

	say("ann", "lobby", "hello, <lobby>")
	b.do("text", "bob", "#messages li", "lobby: Ann: hello, <lobby>")
	say("bob", "lobby", "hello, Ann")
	b.do("text", "ann", "#messages li:last-child", "lobby: Bob: hello, Ann")
	say("ann", "garden", "only here")
	b.do("text", "eve", "#messages li", "garden: Ann: only here")
	b.shows("ann", "#messages li", "lobby: Ann: hello, <lobby>", "lobby: Bob: hello, Ann", "garden: Ann: only here")
	b.shows("bob", "#messages li", "lobby: Ann: hello, <lobby>", "lobby: Bob: hello, Ann")

	// A room that was not granted: neither to say something in, nor to listen to.
	if got := b.do("evaluate", "eve", `(async () => {
		const body = new FormData(); body.set('room', 'lobby'); body.set('text', 'x')
		return (await fetch('say.php', { method: 'POST', body })).status
	})()`); got != "403" {
		t.Errorf("Eve says something in the lobby: %s, want 403", got)
	}
	if got := b.do("evaluate", "eve", `(async () => (await fetch('`+e.stream()+`?room=lobby', { credentials: 'include' })).status)()`); got != "403" {
		t.Errorf("Eve listens to the lobby: %s, want 403", got)
	}
	if got := b.do("evaluate", "eve", `(async () => (await fetch('`+e.stream()+`?room=garden', { credentials: 'omit' })).status)()`); got != "401" {
		t.Errorf("a client without a token listens: %s, want 401", got)
	}
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	e := prepare(t, "notifications")
	e.succeedsWithoutDaemon(e.readme("umask")[0])
	e.start()
	e.serve()
	b := newBrowser(t)
	b.do("open", "seven", e.site+"/?user=7")
	b.do("open", "eight", e.site+"/?user=8")
	for _, tab := range []string{"seven", "eight"} {
		b.do("text", tab, "#state", "open")
	}
	e.succeeds(e.readme("php notify.php")[0], "user 7 has 1 open pages")
	b.do("text", "seven", "#notifications li", "Your parcel has arrived")
	e.succeeds(`php notify.php 8 "Yours, too"`, "user 8 has 1 open pages")
	b.do("text", "eight", "#notifications li", "Yours, too")

	// The connection is lost: the browser comes back, and gets what it missed.
	if r := e.Ctl("kick", "--all"); r.Code != 0 {
		t.Fatal(r)
	}
	e.succeeds(`php notify.php 7 "while you were away"`, "")
	b.shows("seven", "#notifications li", "Your parcel has arrived", "while you were away")

	// The URL of one user opens no other room.
	signed := b.do("evaluate", "eight", `(async () => (await fetch('push-url.php')).text())()`)
	forged := strings.Replace(strings.Trim(signed, `"`), "room=user.8", "room=user.7", 1)
	if got := b.do("evaluate", "eight", `(async () => (await fetch('`+forged+`')).status)()`); got != "401" {
		t.Errorf("the URL for user 8, changed to user 7: %s, want 401", got)
	}
}

// succeedsWithoutDaemon runs a line before there is a daemon.
func (e *example) succeedsWithoutDaemon(line string) {
	e.t.Helper()
	if r := harness.Run(e.t, "", "env", "-C", e.dir, "sh", "-c", line); r.Code != 0 {
		e.t.Fatalf("%s: %s", line, r)
	}
}
