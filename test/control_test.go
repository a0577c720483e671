package test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// rpcError is an error answer of the JSON form.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    struct {
		Hint string `json:"hint"`
	} `json:"data"`
}

func (e *rpcError) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, e.Code) }

// rpc is a control connection that speaks the JSON form, one call at a time.
type rpc struct {
	conn net.Conn
	in   *bufio.Reader
	id   int
}

func dialRPC(network, address string) (*rpc, error) {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return nil, err
	}
	return &rpc{conn: conn, in: bufio.NewReader(conn)}, nil
}

func (r *rpc) Close() error { return r.conn.Close() }

// call returns the daemon's error as *rpcError.
func (r *rpc) call(method string, params, result any) error {
	r.id++
	request := map[string]any{"jsonrpc": "2.0", "id": r.id, "method": method}
	if params != nil {
		request["params"] = params
	}
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if err := r.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := r.conn.Write(append(line, '\n')); err != nil {
		return err
	}
	answer, err := r.in.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("answer to %s: %w", method, err)
	}
	var response struct {
		ID     int             `json:"id"`
		Result json.RawMessage `json:"result"`
		Error  *rpcError       `json:"error"`
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return fmt.Errorf("answer to %s is %q: %w", method, answer, err)
	}
	if response.Error != nil {
		return response.Error
	}
	if response.ID != r.id {
		return fmt.Errorf("answer to %s has id %d, want %d", method, response.ID, r.id)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(response.Result, result)
}

// answers says whether the control socket is served.
func (d *daemon) answers() bool {
	r, err := dialRPC("unix", d.socket)
	if err != nil {
		return false
	}
	defer r.Close()
	return r.call("hello", nil, nil) == nil
}

// call makes one call that must succeed.
func (d *daemon) call(method string, params, result any) {
	d.t.Helper()
	if err := d.try(method, params, result); err != nil {
		d.t.Fatalf("%s: %v", method, err)
	}
}

// try makes one call on the test's own control connection.
func (d *daemon) try(method string, params, result any) error {
	return d.control.call(d.socket, method, params, result)
}

// shared is one control connection for all that a test asks, opened when it is needed.
type shared struct {
	mu sync.Mutex
	c  *rpc
}

func (s *shared) call(socket, method string, params, result any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		c, err := dialRPC("unix", socket)
		if err != nil {
			return err
		}
		s.c = c
	}
	err := s.c.call(method, params, result)
	if err != nil && errorCode(err) == 0 {
		s.c.Close()
		s.c = nil
	}
	return err
}

func (s *shared) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		s.c.Close()
		s.c = nil
	}
}

type object = map[string]any

type sent struct {
	ID      string `json:"id"`
	Matched int    `json:"matched"`
}

// send publishes to a room.
func (d *daemon) send(room, data string) sent {
	d.t.Helper()
	var s sent
	d.call("send", object{"to": room, "data": data}, &s)
	return s
}

// streams asks how many streams there are in a room, or in all ("").
func (d *daemon) streams(room string) int {
	d.t.Helper()
	var count struct {
		Streams int `json:"streams"`
	}
	params := object{}
	if room != "" {
		params["room"] = room
	}
	d.call("count", params, &count)
	return count.Streams
}

// awaitStreams waits until a room has n streams.
func (d *daemon) awaitStreams(room string, n int) {
	d.t.Helper()
	eventually(d.t, fmt.Sprintf("%d streams in room %q", n, room), func() bool { return d.streams(room) == n })
}

type status struct {
	Version            string            `json:"version"`
	PID                int               `json:"pid"`
	Mode               string            `json:"mode"`
	LogLevel           string            `json:"log_level"`
	LogRecordsLost     uint64            `json:"log_records_lost"`
	Connections        int               `json:"connections"`
	Streams            int               `json:"streams"`
	ReinitsTotal       uint64            `json:"reinits_total"`
	MessagesTotal      uint64            `json:"messages_total"`
	CommandErrorsTotal uint64            `json:"command_errors_total"`
	Epoch              string            `json:"epoch"`
	LastEventID        string            `json:"last_event_id"`
	Closed             map[string]uint64 `json:"closed"`
	Refused            map[string]uint64 `json:"refused"`
}

func (d *daemon) status() status {
	d.t.Helper()
	var s status
	d.call("status", nil, &s)
	return s
}

// classic is a control connection that speaks hasses' own form.
type classic struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
}

func (d *daemon) classic(network string) *classic {
	d.t.Helper()
	address := d.socket
	if network == "tcp" {
		address = d.tcp
	}
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { conn.Close() })
	return &classic{d.t, conn, bufio.NewReader(conn)}
}

// say writes text as it is.
func (c *classic) say(text string) {
	c.t.Helper()
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// line reads one line of answer.
func (c *classic) line() string {
	c.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		c.t.Fatalf("want a line, got %q and %v", line, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// ask says a command and reads one line.
func (c *classic) ask(command string) string {
	c.t.Helper()
	c.say(command + "\n")
	return c.line()
}

// object reads one line that is a JSON object.
func (c *classic) object() object {
	c.t.Helper()
	line := c.line()
	var o object
	if err := json.Unmarshal([]byte(line), &o); err != nil {
		c.t.Fatalf("answer %q is no JSON object: %v", line, err)
	}
	return o
}

// finish ends our side and reads to the end of the other.
func (c *classic) finish() string {
	c.t.Helper()
	switch conn := c.conn.(type) {
	case *net.TCPConn:
		_ = conn.CloseWrite()
	case *net.UnixConn:
		_ = conn.CloseWrite()
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	rest, err := io.ReadAll(c.in)
	if err != nil {
		c.t.Fatalf("read to the end: %q and %v", rest, err)
	}
	return string(rest)
}

// errorCode returns the code of an error answer, 0 for anything else.
func errorCode(err error) int {
	if e, ok := errors.AsType[*rpcError](err); ok {
		return e.Code
	}
	return 0
}
