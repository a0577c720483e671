package compat

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

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// Each test is named after a fault of hasses 1.30 and proves that hassesd does not have it.

func TestHasses_MessageCutAtSecondEquals(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	d.Classic("tcp").Say("a=x=1&y=2==\n")
	harness.WantMessage(t, s, "x=1&y=2==")
}

// The classic form ends a message at the delimiter and always will; the JSON form has no delimiter.
func TestHasses_DelimiterInsideJSONMessage(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	d.Send("a", `{"html":"&amp;","list":[1,2];}`)
	harness.WantMessage(t, s, `{"html":"&amp;","list":[1,2];}`)
}

func TestHasses_NewlineBreaksFrame(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	d.Send("a", "first\n\ndata: forged\rid: 9\r\nlast\n")
	harness.WantMessage(t, s, "first\n\ndata: forged\nid: 9\nlast\n")
}

func TestHasses_MessageOver2KBTruncated(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	c := d.Classic("tcp")
	c.Say("ack_enable\n")
	c.Line()
	for _, size := range []int{2047, 2048, 2049, 10_000, 64 << 10} {
		text := strings.Repeat("m", size)
		if got := c.Ask("a=" + text); !strings.HasPrefix(got, "ok ") {
			t.Errorf("%d bytes: %.100q", size, got)
		}
		harness.WantMessage(t, s, text)
	}
	// Beyond the limit nothing is truncated: it is refused, and what follows is a command of its own.
	if got := c.Ask("a=" + strings.Repeat("m", 64<<10+1)); !strings.HasPrefix(got, "error ") {
		t.Errorf("over the limit: %.100q, want an error", got)
	}
	if got := c.Ask("a=next"); !strings.HasPrefix(got, "ok ") {
		t.Errorf("after it: %q", got)
	}
	harness.WantMessage(t, s, "next")
}

func TestHasses_ReadTakenForMessage(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	c := d.Classic("tcp")
	c.Say("ack_enable\na=joined 1\na=joined 2;a=joined 3\n")
	if got := c.Line(); got != "ok" {
		t.Fatalf("ack_enable: %q", got)
	}
	for i := 1; i <= 3; i++ {
		c.Line()
		harness.WantMessage(t, s, fmt.Sprint("joined ", i))
	}
	harness.SayInPieces(t, d, s, "split", func(piece string) { c.Say(piece) }, "a", "=sp", "l", "it\n")
	for _, b := range []string{"\n", ";", "\r\n"} {
		harness.SayInPieces(t, d, s, "split", func(piece string) { c.Say(piece) }, "a=split", b)
	}
}

func TestHasses_UnknownCommandBecomesMessage(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=*")
	c := d.Classic("tcp")
	for _, wrong := range []string{"clientlst", "a message without equals", "loglevel_loud"} {
		if got := c.Ask(wrong); !strings.HasPrefix(got, "error ") {
			t.Errorf("%q: %q, want an error", wrong, got)
		}
	}
	d.Send("a", "real")
	harness.WantMessage(t, s, "real")
	if got := d.Status(); got.MessagesTotal != 1 || got.CommandErrorsTotal != 3 {
		t.Errorf("%d messages and %d errors counted, want 1 and 3", got.MessagesTotal, got.CommandErrorsTotal)
	}
}

func TestHasses_IDsRepeatWithinASecond(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	seen := make(map[string]bool)
	for range 200 {
		id := d.Send("a", "x").ID
		if e := harness.WantMessage(t, s, "x"); e.ID != id || seen[id] {
			t.Fatalf("event %q, publisher was told %q, seen before: %t", e.ID, id, seen[id])
		}
		seen[id] = true
	}
}

func TestHasses_AnswersGoToTheLogOnly(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	c := d.Classic("unix")
	if got := c.Ask("numberofclients"); got != "Number of connected clients: 0" {
		t.Errorf("numberofclients: %q", got)
	}
	c.Say("status\n")
	if text := c.Until("------------- end --------------"); !strings.Contains(text, "Pid: ") {
		t.Errorf("status: %q", text)
	}
}

// TestHasses_LinearScanOfAllClients compares the cost of a message to one room with few and with
// many clients in other rooms.
func TestHasses_LinearScanOfAllClients(t *testing.T) {
	t.Parallel()
	const many, messages = 2000, 3000
	d := harness.Start(t, "--log-level", "quiet", "--heartbeat-interval", "0s")
	s := d.Open(d.Plain("subscribe=target"))
	c, err := harness.DialRPC("unix", d.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cost := func() time.Duration {
		before := d.CPUTime()
		for i := range messages {
			to := any("target")
			if i%3 == 0 {
				to = []string{"targ*"}
			}
			if err := c.Call("send", harness.Object{"to": to, "data": "x"}, nil); err != nil {
				t.Fatal(err)
			}
			harness.WantMessage(t, s, "x")
		}
		return d.CPUTime() - before
	}
	few := cost()
	for i := range many {
		d.Open(d.Plain(fmt.Sprintf("subscribe=other%d", i)))
	}
	crowd := cost()
	t.Logf("%d messages to one stream: %s of processor time alone, %s with %d streams in other rooms", messages, few, crowd, many)
	if crowd > 3*few+100*time.Millisecond {
		t.Errorf("a message to one room costs %s with %d streams elsewhere and %s without", crowd, many, few)
	}
}

func TestHasses_ShortWriteDropsTheClient(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-message-bytes", "8MiB", "--limits-queue-bytes", "32MiB")
	for name, r := range map[string]subscriber.Request{"TLS": d.Request("subscribe=a"), "plain": d.Plain("subscribe=a")} {
		s := d.Open(r)
		big := strings.Repeat("0123456789abcdef", 8<<20/16) // no socket takes it in one write
		d.Send("a", big)
		d.Send("a", "after it")
		harness.WantMessage(t, s, big)
		harness.WantMessage(t, s, "after it")
		s.Close()
		d.AwaitStreams("a", 0)
		t.Log(name, "took it whole")
	}
}

// TestHasses_TimeoutsOnlyCheckedWhenSomethingHappens leaves the daemon alone with silent clients.
func TestHasses_TimeoutsOnlyCheckedWhenSomethingHappens(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--limits-handshake-timeout", "300ms", "--limits-request-timeout", "300ms")
	for name, addr := range map[string]string{"no handshake": d.HTTPS, "no request": d.HTTP} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && isTimeout(err) {
			t.Errorf("%s: the connection is still open after %s", name, harness.Patience)
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
	r := harness.Run(t, "", harness.Hassesd, "defaults")
	if !strings.Contains(r.Stdout, "\nstream_age = \"0") {
		t.Errorf("defaults do not say that streams may live for ever:\n%s", r.Stdout)
	}
	// And when an age is asked for, the stream ends with a retry and the client loses nothing.
	d := harness.Start(t, "--limits-stream-age", "500ms")
	s := d.Subscribe("subscribe=a")
	last := d.Send("a", "before")
	events, err := s.Rest()
	if err != nil || len(events) != 1 || s.Decoder.Retry() <= 0 {
		t.Fatalf("events %v, retry %s, error %v; want one event and a clean end", events, s.Decoder.Retry(), err)
	}
	d.Send("a", "between")
	again := d.Request("subscribe=a")
	again.LastEventID = last.ID
	harness.WantMessage(t, d.Open(again), "between")
}

func TestHasses_NoHeartbeat(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, "--heartbeat-interval", "100ms")
	s := d.Subscribe("subscribe=a")
	if _, dispatched, err := s.Decoder.Frame(); err != nil || dispatched || s.Decoder.Comments() != 1 {
		t.Errorf("want a comment of its own accord: event %t, %d comments, %v", dispatched, s.Decoder.Comments(), err)
	}
}

func TestHasses_PrivilegesDroppedBeforeBinding(t *testing.T) {
	harness.SkipUnlessRoot(t)
	t.Parallel()
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	d := harness.Prepare(t)
	addr := harness.PrivilegedAddress(t)
	for i := range d.Args {
		if d.Args[i] == "https://"+d.HTTPS {
			d.Args[i] = "https://" + addr
		}
	}
	d.HTTPS = addr
	d.Args = append(d.Args, "--user", "nobody")
	for dir := d.Dir; strings.Contains(dir, t.Name()); dir = filepath.Dir(dir) { // user nobody must be able to enter
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.Run()
	s := d.Subscribe("subscribe=a")
	d.Send("a", "from a low port")
	harness.WantMessage(t, s, "from a low port")
	for field, id := range map[string]string{"Uid": nobody.Uid, "Gid": nobody.Gid} {
		want := strings.Join([]string{id, id, id, id}, "\t")
		if got := d.ProcStatus(field); got != want {
			t.Errorf("%s: %q, want %q: real, effective, saved and file system", field, got, want)
		}
	}
	if got := d.ProcStatus("Groups"); got != "" && got != nobody.Gid {
		t.Errorf("Groups: %q, want none of root's", got)
	}
	for _, field := range []string{"CapEff", "CapPrm"} {
		if got := d.ProcStatus(field); strings.Trim(got, "0") != "" {
			t.Errorf("%s: %s, want none", field, got)
		}
	}
}

func TestHasses_FIFOAndControlPortOpenToEverybody(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	for path, want := range map[string]os.FileMode{d.FIFO: os.ModeNamedPipe | 0o620, d.Socket: os.ModeSocket | 0o660} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode(); got != want {
			t.Errorf("%s: mode %s, want %s", path, got, want)
		}
	}
	defaults := harness.Run(t, "", harness.Hassesd, "defaults").Stdout
	if !strings.Contains(defaults, "tcp = \"\"") {
		t.Errorf("the control port is not off by default:\n%s", defaults)
	}
	r := harness.Run(t, "", harness.Hassesd, append([]string{"check"}, append(d.Args, "--control-tcp", "0.0.0.0:9085")...)...)
	if r.Code != 2 {
		t.Errorf("a control port for everybody: %s; want exit code 2", r)
	}
}

func TestHasses_OnlyTheLeafCertificateSent(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a") // trusts the root alone
	if got := len(s.TLS.PeerCertificates); got != 2 {
		t.Errorf("%d certificates sent, want the leaf and the intermediate", got)
	}
}

func TestHasses_KeepAliveMustBeSpelledExactly(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	for _, header := range []string{"Connection: keep-alive", "connection: Keep-Alive", "CONNECTION:KEEP-ALIVE, x", "Connection: close", ""} {
		r := d.Request("subscribe=a")
		if header != "" {
			r.Header = []string{header}
		}
		s := d.Open(r)
		d.Send("a", header)
		harness.WantMessage(t, s, header)
		s.Close()
		d.AwaitStreams("a", 0)
	}
}

func TestHasses_RequestInTwoSegmentsGets400(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	request := "GET /sse?subscribe=a HTTP/1.1\r\nHost: localhost\r\nUser-Agent: slow\r\n\r\n"
	for _, secure := range []bool{false, true} {
		for _, cut := range []int{1, 3, 20, len(request) - 3, len(request) - 1} {
			var conn net.Conn
			var err error
			if secure {
				conn, err = tls.Dial("tcp", d.HTTPS, d.CA.ClientConfig())
			} else {
				conn, err = net.Dial("tcp", d.HTTP)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
				t.Fatal(err)
			}
			_, err = io.WriteString(conn, request[:cut])
			d.Status() // a round trip later the first part has been read
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
	d := harness.Prepare(t)
	harness.OnBothFamilies(d, "http://", d.HTTP, d.Plain("subscribe=a"))
}

func TestHasses_RandomBytesToTheTLSPortKillIt(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
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
		conn, err := net.Dial("tcp", d.HTTPS)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write(noise) // it may be reset meanwhile
		if _, err := io.Copy(io.Discard, conn); err != nil && isTimeout(err) {
			t.Error("noise keeps a connection open")
		}
		conn.Close()
	}
	s := d.Subscribe("subscribe=a")
	d.Send("a", "alive")
	harness.WantMessage(t, s, "alive")
}

func TestHasses_PublisherWith6KBWaitingIsCutOff(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	s := d.Subscribe("subscribe=a")
	for _, network := range []string{"tcp", "unix"} {
		const lines = 5000
		var all strings.Builder
		for i := range lines {
			fmt.Fprintf(&all, "a=%s %d %s\n", network, i, strings.Repeat("x", 50))
		}
		c := d.Classic(network)
		written := make(chan struct{})
		go func() {
			defer close(written)
			_, _ = io.WriteString(c.Conn, all.String()) // everything at once, then away
			c.Conn.Close()
		}()
		for i := range lines {
			harness.WantMessage(t, s, fmt.Sprintf("%s %d %s", network, i, strings.Repeat("x", 50)))
		}
		<-written
	}
}

func TestHasses_NoNODELAY(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	fastest := time.Hour
	for range 20 {
		began := time.Now()
		s := d.Subscribe("subscribe=a")
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
	d := harness.Start(t)
	fastest := time.Hour
	for range 20 {
		began := time.Now()
		c, err := net.DialTimeout("tcp", d.HTTPS, harness.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.(*net.TCPConn).SetNoDelay(false), c.SetDeadline(began.Add(harness.Patience))); err != nil {
			t.Fatal(err)
		}
		client := tls.Client(c, &tls.Config{RootCAs: d.CA.Roots, ServerName: "localhost"})
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
	d := harness.Prepare(t, "--limits-connections", "10000", "--limits-connections-per-address", "10000", "--log-level", "normal",
		"--heartbeat-interval", "100ms")
	d.Wrap = []string{"/bin/sh", "-c", `ulimit -n 64; exec "$0" "$@"`, harness.Hassesd}
	d.Run()
	var served []*subscriber.Stream
	deferred, reset := 0, 0
	for range 100 { // more than there are descriptors; each gets some response
		s, err := subscriber.Open(t.Context(), d.Plain("subscribe=full"))
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
			deferred++
			if rest, err := s.Rest(); err != nil || len(rest) > 0 || s.Decoder.Retry() <= 0 {
				t.Errorf("turned away with %v, %v, retry %s; want a retry and a clean end", rest, err, s.Decoder.Retry())
			}
		default:
			served = append(served, s)
		}
	}
	t.Logf("64 descriptors: %d clients served, %d told to come back, %d reset", len(served), deferred, reset)
	if len(served) == 0 || len(served) > 64 || deferred == 0 {
		t.Fatalf("%d served, %d told to come back, %d reset; want some of the first two", len(served), deferred, reset)
	}
	before, began := d.CPUTime(), time.Now()
	for time.Since(began) < 500*time.Millisecond { // of heartbeats: the others are served meanwhile
		if _, _, err := served[0].Decoder.Frame(); err != nil {
			t.Fatal(err)
		}
	}
	if used, elapsed := d.CPUTime()-before, time.Since(began); used > elapsed*3/5 {
		t.Errorf("at the descriptor limit the daemon used %s of processor time in %s: it spins", used, elapsed)
	}
	for _, s := range served {
		s.Close()
	}
	// The daemon resumes accepting without another event: the next client gets in.
	harness.Eventually(t, "a client gets in after the others left", func() bool {
		s, err := subscriber.Open(t.Context(), d.Plain("subscribe=a"))
		if err != nil {
			return false
		}
		defer s.Close()
		_, err = s.Preface()
		return err == nil && s.Status == 200 && d.Streams("a") == 1
	})
}

// TestTooLargeIsSaid belongs to the truncation fault: a publisher that can get a response learns
// that its message was too large.
func TestTooLargeIsSaid(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	err := d.Try("send", harness.Object{"to": "a", "data": strings.Repeat("x", 64<<10+1)}, nil)
	if harness.ErrorCode(err) != -32003 {
		t.Errorf("JSON: %v, want code -32003", err)
	}
	r := harness.Run(t, strings.Repeat("x", 64<<10+1), harness.Hassesctl, "--socket", d.Socket, "send", "a", "-")
	if r.Code != 1 || r.Stderr == "" {
		t.Errorf("hassesctl: %s; want exit code 1 and a reason", r)
	}
}
