package test

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/subscriber"
)

// Each test is named after something that hasses 1.30 gets wrong, and proves that it is right here.

func TestHasses_MessageCutAtSecondEquals(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := d.subscribe("subscribe=a")
	d.classic("tcp").say("a=x=1&y=2==\n")
	message(t, s, "x=1&y=2==")
}

// The classic form ends a message at the delimiter and always will; the JSON form has no delimiter.
func TestHasses_DelimiterInsideJSONMessage(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := d.subscribe("subscribe=a")
	d.send("a", `{"html":"&amp;","list":[1,2];}`)
	message(t, s, `{"html":"&amp;","list":[1,2];}`)
}

func TestHasses_NewlineBreaksFrame(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := d.subscribe("subscribe=a")
	d.send("a", "first\n\ndata: forged\rid: 9\r\nlast\n")
	message(t, s, "first\n\ndata: forged\nid: 9\nlast\n")
}

func TestHasses_MessageOver2KBTruncated(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := d.subscribe("subscribe=a")
	c := d.classic("tcp")
	c.say("ack_enable\n")
	c.line()
	for _, size := range []int{2047, 2048, 2049, 10_000, 64 << 10} {
		text := strings.Repeat("m", size)
		if got := c.ask("a=" + text); !strings.HasPrefix(got, "ok ") {
			t.Errorf("%d bytes: %.100q", size, got)
		}
		message(t, s, text)
	}
	// Beyond the limit nothing is truncated: it is refused, and what follows is a command of its own.
	if got := c.ask("a=" + strings.Repeat("m", 64<<10+1)); !strings.HasPrefix(got, "error ") {
		t.Errorf("over the limit: %.100q, want an error", got)
	}
	if got := c.ask("a=next"); !strings.HasPrefix(got, "ok ") {
		t.Errorf("after it: %q", got)
	}
	message(t, s, "next")
}

func TestHasses_ReadTakenForMessage(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := d.subscribe("subscribe=a")
	c := d.classic("tcp")
	c.say("ack_enable\na=joined 1\na=joined 2;a=joined 3\n")
	if got := c.line(); got != "ok" {
		t.Fatalf("ack_enable: %q", got)
	}
	for i := 1; i <= 3; i++ {
		c.line()
		message(t, s, fmt.Sprint("joined ", i))
	}
	inPieces(t, d, s, "split", func(piece string) { c.say(piece) }, "a", "=sp", "l", "it\n")
	for _, b := range []string{"\n", ";", "\r\n"} {
		inPieces(t, d, s, "split", func(piece string) { c.say(piece) }, "a=split", b)
	}
}

// inPieces sends one command in several writes and wants one message. A pause of 50 ms ends a command, so an attempt
// that the machine stretched to nearly that proves nothing and is made again.
func inPieces(t *testing.T, d *daemon, s *subscriber.Stream, want string, say func(string), pieces ...string) {
	t.Helper()
	for attempt := range 50 {
		began := time.Now()
		for _, piece := range pieces {
			say(piece)
		}
		took := time.Since(began)
		<-time.After(100 * time.Millisecond) // whatever is left of it is a command of its own now
		mark := fmt.Sprint("mark ", attempt)
		d.send("a", mark)
		var got []string
		for {
			e, err := s.Next()
			if err != nil {
				t.Fatal(err)
			}
			if e.Data == mark {
				break
			}
			got = append(got, e.Data)
		}
		if took > 40*time.Millisecond {
			continue
		}
		if len(got) != 1 || got[0] != want {
			t.Errorf("%q in %s: messages %q, want %q", pieces, took, got, want)
		}
		return
	}
	t.Error("the machine is too slow to send a few bytes in 40 ms")
}

func TestHasses_UnknownCommandBecomesMessage(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := d.subscribe("subscribe=*")
	c := d.classic("tcp")
	for _, wrong := range []string{"clientlst", "a message without equals", "loglevel_loud"} {
		if got := c.ask(wrong); !strings.HasPrefix(got, "error ") {
			t.Errorf("%q: %q, want an error", wrong, got)
		}
	}
	d.send("a", "real")
	message(t, s, "real")
	if got := d.status(); got.MessagesTotal != 1 || got.CommandErrorsTotal != 3 {
		t.Errorf("%d messages and %d errors counted, want 1 and 3", got.MessagesTotal, got.CommandErrorsTotal)
	}
}

func TestHasses_IDsRepeatWithinASecond(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := d.subscribe("subscribe=a")
	seen := make(map[string]bool)
	for range 200 {
		id := d.send("a", "x").ID
		if e := message(t, s, "x"); e.ID != id || seen[id] {
			t.Fatalf("event %q, publisher was told %q, seen before: %t", e.ID, id, seen[id])
		}
		seen[id] = true
	}
}

func TestHasses_AnswersGoToTheLogOnly(t *testing.T) {
	t.Parallel()
	d := start(t)
	c := d.classic("unix")
	if got := c.ask("numberofclients"); got != "Number of connected clients: 0" {
		t.Errorf("numberofclients: %q", got)
	}
	c.say("status\n")
	if text := c.until("------------- end --------------"); !strings.Contains(text, "Pid: ") {
		t.Errorf("status: %q", text)
	}
}

// TestHasses_LinearScanOfAllClients compares what a message to one room costs with few and with many clients elsewhere.
func TestHasses_LinearScanOfAllClients(t *testing.T) {
	t.Parallel()
	const many, messages = 2000, 3000
	d := start(t, "--log-level", "quiet", "--heartbeat-interval", "0s")
	s := d.open(d.plain("subscribe=target"))
	c, err := dialRPC("unix", d.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cost := func() time.Duration {
		before := d.cpu()
		for i := range messages {
			to := any("target")
			if i%3 == 0 {
				to = []string{"targ*"}
			}
			if err := c.call("send", object{"to": to, "data": "x"}, nil); err != nil {
				t.Fatal(err)
			}
			message(t, s, "x")
		}
		return d.cpu() - before
	}
	few := cost()
	for i := range many {
		d.open(d.plain(fmt.Sprintf("subscribe=other%d", i)))
	}
	crowd := cost()
	t.Logf("%d messages to one stream: %s of processor time alone, %s with %d streams in other rooms", messages, few, crowd, many)
	if crowd > 3*few+100*time.Millisecond {
		t.Errorf("a message to one room costs %s with %d streams elsewhere and %s without", crowd, many, few)
	}
}

func TestHasses_ShortWriteDropsTheClient(t *testing.T) {
	t.Parallel()
	d := start(t, "--limits-message-bytes", "8MiB", "--limits-queue-bytes", "32MiB")
	for name, r := range map[string]subscriber.Request{"TLS": d.request("subscribe=a"), "plain": d.plain("subscribe=a")} {
		s := d.open(r)
		big := strings.Repeat("0123456789abcdef", 8<<20/16) // no socket takes it in one write
		d.send("a", big)
		d.send("a", "after it")
		message(t, s, big)
		message(t, s, "after it")
		s.Close()
		d.awaitStreams("a", 0)
		t.Log(name, "took it whole")
	}
}

// TestHasses_TimeoutsOnlyCheckedWhenSomethingHappens leaves the daemon alone with clients that say nothing.
func TestHasses_TimeoutsOnlyCheckedWhenSomethingHappens(t *testing.T) {
	t.Parallel()
	d := start(t, "--limits-handshake-timeout", "300ms", "--limits-request-timeout", "300ms")
	for name, addr := range map[string]string{"no handshake": d.https, "no request": d.http} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && isTimeout(err) {
			t.Errorf("%s: the connection is still open after %s", name, patience)
		}
		conn.Close()
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error) //nolint:errorlint // io.Copy returns it as it is
	return ok && e.Timeout()
}

func TestHasses_StreamsCutAt3600Seconds(t *testing.T) {
	t.Parallel()
	r := command(t, "", hassesd, "defaults")
	if !strings.Contains(r.stdout, "\nstream_age = \"0") {
		t.Errorf("defaults do not say that streams may live for ever:\n%s", r.stdout)
	}
	// And when an age is asked for, the stream ends with a retry and the client loses nothing.
	d := start(t, "--limits-stream-age", "500ms")
	s := d.subscribe("subscribe=a")
	last := d.send("a", "before")
	events, err := s.Rest()
	if err != nil || len(events) != 1 || s.Decoder.Retry() <= 0 {
		t.Fatalf("events %v, retry %s, error %v; want one event and a clean end", events, s.Decoder.Retry(), err)
	}
	d.send("a", "between")
	again := d.request("subscribe=a")
	again.LastEventID = last.ID
	message(t, d.open(again), "between")
}

func TestHasses_NoHeartbeat(t *testing.T) {
	t.Parallel()
	d := start(t, "--heartbeat-interval", "100ms")
	s := d.subscribe("subscribe=a")
	if _, dispatched, err := s.Decoder.Frame(); err != nil || dispatched || s.Decoder.Comments() != 1 {
		t.Errorf("want a comment of its own accord: event %t, %d comments, %v", dispatched, s.Decoder.Comments(), err)
	}
}

func TestHasses_PrivilegesDroppedBeforeBinding(t *testing.T) {
	skipUnlessRoot(t)
	t.Parallel()
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	d := prepare(t)
	addr := privilegedAddress(t)
	for i := range d.args {
		if d.args[i] == "https://"+d.https {
			d.args[i] = "https://" + addr
		}
	}
	d.https = addr
	d.args = append(d.args, "--user", "nobody")
	for dir := d.dir; strings.Contains(dir, t.Name()); dir = filepath.Dir(dir) { // nobody must get in
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.run()
	s := d.subscribe("subscribe=a")
	d.send("a", "from a low port")
	message(t, s, "from a low port")
	for field, id := range map[string]string{"Uid": nobody.Uid, "Gid": nobody.Gid} {
		want := strings.Join([]string{id, id, id, id}, "\t")
		if got := d.procStatus(field); got != want {
			t.Errorf("%s: %q, want %q: real, effective, saved and file system", field, got, want)
		}
	}
	if got := d.procStatus("Groups"); got != "" && got != nobody.Gid {
		t.Errorf("Groups: %q, want none of root's", got)
	}
	for _, field := range []string{"CapEff", "CapPrm"} {
		if got := d.procStatus(field); strings.Trim(got, "0") != "" {
			t.Errorf("%s: %s, want none", field, got)
		}
	}
}

// privilegedAddress finds a free port that only root may bind.
func privilegedAddress(t *testing.T) string {
	t.Helper()
	for port := 601; port < 1024; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port below 1024")
	return ""
}

func TestHasses_FIFOAndControlPortOpenToEverybody(t *testing.T) {
	t.Parallel()
	d := start(t)
	for path, want := range map[string]os.FileMode{d.fifo: os.ModeNamedPipe | 0o620, d.socket: os.ModeSocket | 0o660} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got != want {
			t.Errorf("%s: mode %s, want %s", path, got, want)
		}
	}
	defaults := command(t, "", hassesd, "defaults").stdout
	if !strings.Contains(defaults, "tcp = \"\"") {
		t.Errorf("the control port is not off by default:\n%s", defaults)
	}
	r := command(t, "", hassesd, append([]string{"check"}, append(d.args, "--control-tcp", "0.0.0.0:9085")...)...)
	if r.code != 2 {
		t.Errorf("a control port for everybody: %s; want exit code 2", r)
	}
}

func TestHasses_OnlyTheLeafCertificateSent(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := d.subscribe("subscribe=a") // trusts the root alone
	if got := len(s.TLS.PeerCertificates); got != 2 {
		t.Errorf("%d certificates sent, want the leaf and the intermediate", got)
	}
}

func TestHasses_KeepAliveMustBeSpelledExactly(t *testing.T) {
	t.Parallel()
	d := start(t)
	for _, header := range []string{"Connection: keep-alive", "connection: Keep-Alive", "CONNECTION:KEEP-ALIVE, x", "Connection: close", ""} {
		r := d.request("subscribe=a")
		if header != "" {
			r.Header = []string{header}
		}
		s := d.open(r)
		d.send("a", header)
		message(t, s, header)
		s.Close()
		d.awaitStreams("a", 0)
	}
}

func TestHasses_RequestInTwoSegmentsGets400(t *testing.T) {
	t.Parallel()
	d := start(t)
	request := "GET /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\nUser-Agent: slow\r\n\r\n"
	for _, secure := range []bool{false, true} {
		for _, cut := range []int{1, 3, 20, len(request) - 3, len(request) - 1} {
			var conn net.Conn
			var err error
			if secure {
				conn, err = tls.Dial("tcp", d.https, d.ca.client())
			} else {
				conn, err = net.Dial("tcp", d.http)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			_, err = io.WriteString(conn, request[:cut])
			d.status() // a round trip later the first part has been read
			if err == nil {
				_, err = io.WriteString(conn, request[cut:])
			}
			if err != nil {
				t.Fatal(err)
			}
			want := "HTTP/1.1 200 OK\r\n"
			got := make([]byte, len(want))
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
				t.Errorf("TLS %t, cut at %d: %q, %v", secure, cut, got, err)
			}
			conn.Close()
		}
	}
}

func TestHasses_IPv6OrIPv4OnlyByChance(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	onBothFamilies(d, "http://", d.http, d.plain("subscribe=a"))
}

func TestHasses_RandomBytesToTheTLSPortKillIt(t *testing.T) {
	t.Parallel()
	d := start(t)
	noise := make([]byte, 12<<10)
	for i := range 30 {
		if _, err := rand.Read(noise); err != nil {
			t.Fatal(err)
		}
		switch i % 3 {
		case 1:
			copy(noise, []byte{22, 3, 1, 63, 255, 1}) // looks like a handshake at first
		case 2:
			copy(noise, "GET /sse?subscribe=a HTTP/1.1\r\n\r\n")
		}
		conn, err := net.Dial("tcp", d.https)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(noise) // it may be reset meanwhile
		if _, err := io.Copy(io.Discard, conn); err != nil && isTimeout(err) {
			t.Error("noise keeps a connection open")
		}
		conn.Close()
	}
	s := d.subscribe("subscribe=a")
	d.send("a", "alive")
	message(t, s, "alive")
}

func TestHasses_PublisherWith6KBWaitingIsCutOff(t *testing.T) {
	t.Parallel()
	d := start(t)
	s := d.subscribe("subscribe=a")
	for _, network := range []string{"tcp", "unix"} {
		const lines = 5000
		var all strings.Builder
		for i := range lines {
			fmt.Fprintf(&all, "a=%s %d %s\n", network, i, strings.Repeat("x", 50))
		}
		c := d.classic(network)
		written := make(chan struct{})
		go func() {
			defer close(written)
			_, _ = io.WriteString(c.conn, all.String()) // everything at once, then away
			c.conn.Close()
		}()
		for i := range lines {
			message(t, s, fmt.Sprintf("%s %d %s", network, i, strings.Repeat("x", 50)))
		}
		<-written
	}
}

func TestHasses_NoNODELAY(t *testing.T) {
	t.Parallel()
	d := start(t)
	fastest := time.Hour
	for range 20 {
		began := time.Now()
		s := d.subscribe("subscribe=a")
		fastest = min(fastest, time.Since(began))
		s.Close()
	}
	t.Logf("fastest connect to first frame: %s", fastest)
	if fastest > 35*time.Millisecond {
		t.Errorf("the fastest of 20 connects took %s: delayed acknowledgements wait 40 ms", fastest)
	}
}

// The client may be the one that does not set it. It then keeps its request back until the end of its handshake is
// acknowledged.
func TestHasses_NoNODELAYAtTheClient(t *testing.T) {
	t.Parallel()
	d := start(t)
	fastest := time.Hour
	for range 20 {
		began := time.Now()
		c, err := net.DialTimeout("tcp", d.https, patience)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.(*net.TCPConn).SetNoDelay(false), c.SetDeadline(began.Add(patience))); err != nil {
			t.Fatal(err)
		}
		client := tls.Client(c, &tls.Config{RootCAs: d.ca.roots, ServerName: "localhost"})
		if err := client.Handshake(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(client, "GET /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(client, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		fastest = min(fastest, time.Since(began))
		client.Close()
	}
	t.Logf("fastest connect to first byte: %s", fastest)
	if fastest > 35*time.Millisecond {
		t.Errorf("the fastest of 20 connects took %s: delayed acknowledgements wait 40 ms", fastest)
	}
}

func TestHasses_WaitingClientsAfterDescriptorsRanOut(t *testing.T) {
	t.Parallel()
	d := prepare(t, "--limits-connections", "10000", "--limits-connections-per-address", "10000", "--log-level", "normal")
	d.wrap = []string{"/bin/sh", "-c", `ulimit -n 64; exec "$0" "$@"`, hassesd}
	d.run()
	var served []*subscriber.Stream
	kindly, reset := 0, 0
	for range 100 { // more than there are descriptors; nobody is left without an answer
		s, err := subscriber.Open(t.Context(), d.plain("subscribe=full"))
		if err != nil {
			reset++
			continue
		}
		defer s.Close()
		id, err := s.Preface()
		switch {
		case err != nil:
			t.Errorf("status %d and no first frame: %v", s.Status, err)
		case id == "":
			kindly++
			if rest, err := s.Rest(); err != nil || len(rest) > 0 || s.Decoder.Retry() <= 0 {
				t.Errorf("turned away with %v, %v, retry %s; want a retry and a clean end", rest, err, s.Decoder.Retry())
			}
		default:
			served = append(served, s)
		}
	}
	t.Logf("64 descriptors: %d clients served, %d told to come back, %d reset", len(served), kindly, reset)
	if len(served) == 0 || len(served) > 64 || kindly == 0 {
		t.Errorf("%d served, %d told to come back, %d reset; want some of the first two", len(served), kindly, reset)
	}
	before := d.cpu()
	<-time.After(500 * time.Millisecond)
	if used := d.cpu() - before; used > 300*time.Millisecond {
		t.Errorf("at the descriptor limit the daemon used %s of processor time in half a second: it spins", used)
	}
	for _, s := range served {
		s.Close()
	}
	// Nobody else has to connect first: the next one gets in.
	eventually(t, "a client gets in after the others left", func() bool {
		s, err := subscriber.Open(t.Context(), d.plain("subscribe=a"))
		if err != nil {
			return false
		}
		defer s.Close()
		_, err = s.Preface()
		return err == nil && s.Status == 200 && d.streams("a") == 1
	})
}

// TestTooLargeIsSaid belongs to the truncation fault: whoever can be answered is told.
func TestTooLargeIsSaid(t *testing.T) {
	t.Parallel()
	d := start(t)
	err := d.try("send", object{"to": "a", "data": strings.Repeat("x", 64<<10+1)}, nil)
	if errorCode(err) != -32003 {
		t.Errorf("JSON: %v, want code -32003", err)
	}
	r := command(t, strings.Repeat("x", 64<<10+1), hassesctl, "--socket", d.socket, "send", "a", "-")
	if r.code != 1 || r.stderr == "" {
		t.Errorf("hassesctl: %s; want exit code 1 and a reason", r)
	}
}
