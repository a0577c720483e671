package compat

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// Each test proves a line of docs/migrating-from-hasses.md about what differs from hasses 1.30.

func TestHassesLeft_StaysInTheForegroundAndLogsToStderr(t *testing.T) {
	t.Parallel()
	d := asHasses(t)
	d.Args = append(withoutArgument(d.Args, "-nodaemon"), "-pidfile="+d.Path("pid"))
	d.Run()
	if r := harness.Run(t, "", "cat", d.Path("pid")); r.Stdout != strconv.Itoa(d.Cmd.Process.Pid)+"\n" {
		t.Errorf("pid file: %q, want that of the process we started, %d", r.Stdout, d.Cmd.Process.Pid)
	}
	if !d.Log.WaitFor("ready") {
		t.Errorf("standard error: %s", d.Log)
	}
}

func withoutArgument(args []string, drop string) []string {
	var kept []string
	for _, a := range args {
		if a != drop {
			kept = append(kept, a)
		}
	}
	return kept
}

func TestHassesLeft_ControlPortOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	d := asHasses(t)
	d.Run()
	_, port, _ := net.SplitHostPort(d.TCP)
	if conn, err := net.Dial("tcp", "127.0.0.2:"+port); err == nil {
		conn.Close()
		t.Error("the control port listens on more than 127.0.0.1")
	}
	for _, address := range []string{"0.0.0.0:" + port, ":" + port, "192.0.2.1:" + port} {
		r := harness.Run(t, "", harness.Hassesd, append([]string{"check"}, append(d.Args, "-cp="+address)...)...)
		if r.Code != 2 || !strings.Contains(r.Stderr, "control-over-tls.md") {
			t.Errorf("-cp=%s: %s; want exit code 2 and the page to read", address, r)
		}
	}
}

func TestHassesLeft_PlaintextAndAuthMustBeSaid(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ args, want string }{
		{"-p=8080 -murl=/sse --auth none", "--plaintext"},
		{"-p=8080 -murl=/sse --plaintext", "--auth none"},
		{"-p=8080 -murl=/sse --plaintext --auth none", ""},
	} {
		r := harness.Run(t, "", harness.Hassesd, append([]string{"check"}, strings.Fields(tt.args)...)...)
		if ok := tt.want == ""; ok != (r.Code == 0) || !ok && !strings.Contains(r.Stderr, tt.want) {
			t.Errorf("%s: %s; want a hint at %q", tt.args, r, tt.want)
		}
	}
}

func TestHassesLeft_AllRoomsMustBeAllowed(t *testing.T) {
	t.Parallel()
	for _, flags := range [][]string{nil, {"--allow-all-rooms"}} {
		d := asHasses(t, flags...)
		d.Run()
		want := 403
		if flags != nil {
			want = 200
		}
		if got := statusOf(d, "subscribe=*"); got != want {
			t.Errorf("subscribe=* with %q: %d, want %d", flags, got, want)
		}
	}
}

// statusOf subscribes without TLS and returns the HTTP status.
func statusOf(d *harness.Daemon, query string) int {
	d.T.Helper()
	s, err := subscriber.Open(d.T.Context(), d.Plain(query))
	if err != nil {
		d.T.Fatal(err)
	}
	defer s.Close()
	return s.Status
}

func TestHassesLeft_QueriesAreDecoded(t *testing.T) {
	t.Parallel()
	d := asHasses(t)
	d.Run()
	for _, tt := range []struct{ query, room string }{
		{"subscribe=gr%C3%B6%C3%9Fe", "größe"},
		{"subscribe=two+words", "two words"},
		{"subscribe=100%2525", "100%25"}, // what a page writes that wants the old name
	} {
		s := d.Open(d.Plain(tt.query))
		c := d.Classic("tcp")
		c.Say("ack_enable\n")
		c.Line()
		if got := c.Ask(tt.room + "=hello"); !strings.HasSuffix(got, " 1") {
			t.Errorf("%s: %q, want one stream in the room %q", tt.query, got, tt.room)
		}
		harness.WantMessage(t, s, "hello")
	}
	// A '-' that is encoded is a separator, too.
	s := d.Open(d.Plain("subscribe=a%2Db"))
	d.Classic("tcp").Say("b=after the dash\n")
	harness.WantMessage(t, s, "after the dash")
}

func TestHassesLeft_NewlineEndsACommand(t *testing.T) {
	t.Parallel()
	d := asHasses(t)
	d.Run()
	s := d.Open(d.Plain("subscribe=room"))
	c := d.Classic("tcp")
	if got := c.Ask("room=first\nsecond"); !strings.HasPrefix(got, "error ") {
		t.Errorf("the second line: %q, want an error", got)
	}
	harness.WantMessage(t, s, "first")
}

func TestHassesLeft_DelimiterIsNoLetter(t *testing.T) {
	t.Parallel()
	for delimiter, code := range map[string]int{"|": 0, "x": 2, "7": 2, "=": 2} {
		r := harness.Run(t, "", harness.Hassesd, "check", "-p=8080", "-murl=/sse", "-sep="+delimiter, "--plaintext", "--auth", "none")
		if r.Code != code {
			t.Errorf("-sep=%s: %s, want exit code %d", delimiter, r, code)
		}
	}
}

func TestHassesLeft_RoomsAndIDsAreNotCut(t *testing.T) {
	t.Parallel()
	d := asHasses(t)
	d.Run()
	long := strings.Repeat("r", 40)
	s := d.Open(d.Plain("subscribe=" + long + "1"))
	c := d.Classic("tcp")
	c.Say(long + "2=to the other\n" + long + "1=to this one\n")
	harness.WantMessage(t, s, "to this one")

	rooms := make([]string, 65)
	for i := range rooms {
		rooms[i] = fmt.Sprint("room", i)
	}
	for query, want := range map[string]int{
		"subscribe=" + strings.Join(rooms[:64], "-"):         200,
		"subscribe=" + strings.Join(rooms, "-"):              400,
		"subscribe=" + strings.Repeat("r", 256):              200,
		"subscribe=" + strings.Repeat("r", 257):              400,
		"subscribe=a&id=" + strings.Repeat("i", 64):          200,
		"subscribe=a&id=" + strings.Repeat("i", 65):          400,
		"subscribe=" + url.QueryEscape("a;b"):                400,
		"subscribe=a&id=" + url.QueryEscape("line\nbreak\n"): 400,
	} {
		if got := statusOf(d, query); got != want {
			t.Errorf("%.60s…: %d, want %d", query, got, want)
		}
	}
}

func TestHassesLeft_RequestsAreAnsweredAsHTTPSays(t *testing.T) {
	t.Parallel()
	d := asHasses(t)
	d.Run()
	for _, tt := range []struct {
		method, proto string
		want          int
	}{
		{"POST", "HTTP/1.1", 405}, // hasses: 501
		{"DELETE", "HTTP/1.1", 405},
		{"HEAD", "HTTP/1.1", 200},
		{"OPTIONS", "HTTP/1.1", 204}, // hasses: 200
		{"GET", "HTTP/1.0", 200},     // hasses: 501
	} {
		r := d.Plain("subscribe=a")
		r.Method, r.Proto = tt.method, tt.proto
		s, err := subscriber.Open(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if s.Status != tt.want {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.proto, s.Status, tt.want)
		}
		s.Close()
	}
	s, err := subscriber.Open(t.Context(), d.Plain("subscribe="))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Header.Get("Content-Type"); s.Status != 400 || !strings.HasPrefix(got, "application/json") {
		t.Errorf("a bad request: %d, %s; want JSON", s.Status, got)
	}
}

func TestHassesLeft_StrictTransportSecurity(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flags []string
		want  bool
	}{{nil, true}, {[]string{"--hsts-max-age", "0"}, false}} {
		d := harness.Prepare(t)
		_, port, _ := net.SplitHostPort(d.HTTPS)
		d.Args = append([]string{
			"-p=" + port, "-murl=/sse", "-ssl", "-cert-file=" + d.Path("cert.pem"), "-privatekey-file=" + d.Path("key.pem"),
			"--auth", "none", "--control-socket", d.Socket, "--drain-window", "200ms",
		}, tt.flags...)
		d.Run()
		if got := d.Subscribe("subscribe=a").Header.Get("Strict-Transport-Security"); (got != "") != tt.want {
			t.Errorf("%q: Strict-Transport-Security: %q, want it: %t", tt.flags, got, tt.want)
		}
	}
}

// TestHassesLeft_EarlyDataOfAnotherServer connects as a client does that holds a ticket of a server
// with 0-RTT.
func TestHassesLeft_EarlyDataOfAnotherServer(t *testing.T) {
	t.Parallel()
	const alert, fatal, unsupportedExtension = 21, 2, 110
	d := harness.Start(t)
	conn, err := net.Dial("tcp", d.HTTPS)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(withEarlyData(t, harness.ClientHello(t, d.CA.ClientConfig()))); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if len(answer) != 7 || answer[0] != alert || answer[5] != fatal || answer[6] != unsupportedExtension {
		t.Errorf("got % x, want the alert unsupported_extension", answer)
	}
	// An honest client's failure, which is no violation.
	harness.Eventually(t, "the failure is counted", func() bool { return d.Status().Closed["handshake_failed"] == 1 })
	for violation, n := range d.Limits().Penalties.Violations {
		if n != 0 {
			t.Errorf("%d times %s is held against its address", n, violation)
		}
	}
	d.Subscribe("subscribe=a")
}

// withEarlyData adds the extension early_data (RFC 8446, section 4.2.10) to a ClientHello in one record.
func withEarlyData(t *testing.T, hello []byte) []byte {
	t.Helper()
	const record, handshake, random = 5, 4, 2 + 32
	at := record + handshake + random
	at += 1 + int(hello[at])                               // session id
	at += 2 + int(binary.BigEndian.Uint16(hello[at:]))     // cipher suites
	at += 1 + int(hello[at])                               // compression methods
	extensions := int(binary.BigEndian.Uint16(hello[at:])) // to the end
	if at+2+extensions != len(hello) {
		t.Fatalf("the extensions have %d bytes, and %d follow", extensions, len(hello)-at-2)
	}
	early := []byte{0, 42, 0, 0}
	out := append(append([]byte{}, hello...), early...)
	binary.BigEndian.PutUint16(out[at:], uint16(extensions+len(early)))
	binary.BigEndian.PutUint16(out[3:], uint16(len(out)-record))
	length := len(out) - record - handshake
	out[6], out[7], out[8] = byte(length>>16), byte(length>>8), byte(length)
	return out
}

// TestHassesLeft_ClientsOfOneAddress: an address may have 256 connections. Loopback addresses may
// have more, because a proxy may connect from there.
func TestHassesLeft_ClientsOfOneAddress(t *testing.T) {
	t.Parallel()
	const bound = 256
	d := asHasses(t)
	d.Run()
	for range bound + 10 {
		d.Open(d.Plain("subscribe=a"))
	}
	if got := d.Streams("a"); got != bound+10 {
		t.Errorf("%d streams of this machine, want all %d", got, bound+10)
	}
	d = asHasses(t, "--limits-exempt", "none")
	d.Run()
	for range bound {
		d.Open(d.Plain("subscribe=a"))
	}
	s, err := subscriber.Open(t.Context(), d.Plain("subscribe=a"))
	if err == nil {
		defer s.Close()
		if body, _ := io.ReadAll(s.Body); !strings.Contains(string(body), "retry:") {
			t.Errorf("one more: %d, %.100q; want retry: and the end", s.Status, body)
		}
	}
	if got := d.Streams("a"); got != bound {
		t.Errorf("%d streams of an address, want %d", got, bound)
	}
}
