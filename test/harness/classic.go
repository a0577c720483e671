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

// classic is a control connection that speaks hasses' own form.
type classic struct {
	t    testing.TB
	Conn net.Conn
	In   *bufio.Reader
}

func (d *Daemon) Classic(network string) *classic {
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
	return &classic{d.T, conn, bufio.NewReader(conn)}
}

// Say writes text as it is.
func (c *classic) Say(text string) {
	c.t.Helper()
	if err := c.Conn.SetWriteDeadline(time.Now().Add(Patience)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// Line reads one line of answer.
func (c *classic) Line() string {
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

// Ask says a command and reads one line.
func (c *classic) Ask(command string) string {
	c.t.Helper()
	c.Say(command + "\n")
	return c.Line()
}

// Object reads one line that is a JSON object.
func (c *classic) Object() Object {
	c.t.Helper()
	line := c.Line()
	var o Object
	if err := json.Unmarshal([]byte(line), &o); err != nil {
		c.t.Fatalf("answer %q is no JSON object: %v", line, err)
	}
	return o
}

// Finish ends our side and reads to the end of the other.
func (c *classic) Finish() string {
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

// SayInPieces sends one command in several writes and wants one message. A pause of 50 ms ends a command, so an attempt
// that the machine stretched to nearly that proves nothing and is made again.
func SayInPieces(t *testing.T, d *Daemon, s *subscriber.Stream, want string, say func(string), pieces ...string) {
	t.Helper()
	for attempt := range 50 {
		began := time.Now()
		for _, piece := range pieces {
			say(piece)
		}
		took := time.Since(began)
		<-time.After(100 * time.Millisecond) // whatever is left of it is a command of its own now
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

// Until reads lines up to one that is last.
func (c *classic) Until(last string) string {
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
