package harness

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/test/subscriber"
)

// Classic is a control connection that speaks hasses' own form.
type Classic struct {
	t    testing.TB
	Conn net.Conn
	In   *bufio.Reader
}

func (d *Daemon) Classic(network string) *Classic {
	d.T.Helper()
	address := d.Socket
	if network == "tcp" {
		address = d.TCP
	}
	conn, err := net.DialTimeout(network, address, Patience)
	if err != nil {
		d.T.Fatal(err)
	}
	d.T.Cleanup(func() { conn.Close() })
	return &Classic{d.T, conn, bufio.NewReader(conn)}
}

// Say writes text unchanged.
func (c *Classic) Say(text string) {
	c.t.Helper()
	if err := c.Conn.SetWriteDeadline(time.Now().Add(Patience)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// Line reads one line.
func (c *Classic) Line() string {
	c.t.Helper()
	if err := c.Conn.SetReadDeadline(time.Now().Add(Patience)); err != nil {
		c.t.Fatal(err)
	}
	line, err := c.In.ReadString('\n')
	if err != nil {
		c.t.Fatalf("want a line, got %q and %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// Ask sends a command and reads one line.
func (c *Classic) Ask(command string) string {
	c.t.Helper()
	c.Say(command + "\n")
	return c.Line()
}

// Object reads one line that is a JSON object.
func (c *Classic) Object() Object {
	c.t.Helper()
	line := c.Line()
	var o Object
	if err := json.Unmarshal([]byte(line), &o); err != nil {
		c.t.Fatalf("answer %q is no JSON object: %v", line, err)
	}
	return o
}

// Finish closes our side and reads until the daemon closes its own.
func (c *Classic) Finish() string {
	c.t.Helper()
	switch conn := c.Conn.(type) {
	case *net.TCPConn:
		_ = conn.CloseWrite()
	case *net.UnixConn:
		_ = conn.CloseWrite()
	}
	if err := c.Conn.SetReadDeadline(time.Now().Add(Patience)); err != nil {
		c.t.Fatal(err)
	}
	rest, err := io.ReadAll(c.In)
	if err != nil {
		c.t.Fatalf("read to the end: %q and %v", rest, err)
	}
	return string(rest)
}

// SayInPieces sends one command in several writes and expects one message. A pause of 50 ms ends a command, so SayInPieces
// repeats an attempt that a busy machine stretched to nearly that.
func SayInPieces(t *testing.T, d *Daemon, s *subscriber.Stream, want string, say func(string), pieces ...string) {
	t.Helper()
	for attempt := range 50 {
		began := time.Now()
		for _, piece := range pieces {
			say(piece)
		}
		took := time.Since(began)
		<-time.After(100 * time.Millisecond) // the rest has become a command of its own
		mark := fmt.Sprint("mark ", attempt)
		d.Send("a", mark)
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

// Until reads lines up to and including last, and returns them.
func (c *Classic) Until(last string) string {
	c.t.Helper()
	var text strings.Builder
	for {
		line := c.Line()
		text.WriteString(line + "\n")
		if line == last {
			return text.String()
		}
	}
}
