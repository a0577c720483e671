package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// RPCError is an error response.
type RPCError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    struct {
		Hint string `json:"hint"`
	} `json:"data"`
}

func (e *RPCError) Error() string { return fmt.Sprintf("%s (code %d)", e.Message, e.Code) }

// RPC is a control connection that speaks JSON-RPC, one call at a time.
type RPC struct {
	Conn net.Conn
	In   *bufio.Reader
	id   int
}

func DialRPC(network, address string) (*RPC, error) {
	conn, err := net.DialTimeout(network, address, Patience)
	if err != nil {
		return nil, err
	}
	return &RPC{Conn: conn, In: bufio.NewReader(conn)}, nil
}

func (r *RPC) Close() error { return r.Conn.Close() }

// Call makes a call. An error response is returned as *RPCError.
func (r *RPC) Call(method string, params, result any) error {
	r.id++
	request := map[string]any{"jsonrpc": "2.0", "id": r.id, "method": method}
	if params != nil {
		request["params"] = params
	}
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if err := r.Conn.SetDeadline(time.Now().Add(Patience)); err != nil {
		return err
	}
	if _, err := r.Conn.Write(append(line, '\n')); err != nil {
		return err
	}
	answer, err := r.In.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("answer to %s: %w", method, err)
	}
	var response struct {
		ID     int             `json:"id"`
		Result json.RawMessage `json:"result"`
		Error  *RPCError       `json:"error"`
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

// Answers reports whether the control socket is served.
func (d *Daemon) Answers() bool {
	r, err := DialRPC("unix", d.Socket)
	if err != nil {
		return false
	}
	defer r.Close()
	return r.Call("hello", nil, nil) == nil
}

// Call makes a call that must succeed, on the test's own control connection.
func (d *Daemon) Call(method string, params, result any) {
	d.T.Helper()
	if err := d.Try(method, params, result); err != nil {
		d.T.Fatalf("%s: %v", method, err)
	}
}

// Try makes a call on the test's own control connection.
func (d *Daemon) Try(method string, params, result any) error {
	return d.Control.call(d.Socket, method, params, result)
}

// Shared is the control connection of a test, opened when it is first needed.
type Shared struct {
	calling sync.Mutex // one call at a time

	mu sync.Mutex
	c  *RPC // guarded by mu; nil: there is none
}

func (s *Shared) call(socket, method string, params, result any) error {
	s.calling.Lock()
	defer s.calling.Unlock()
	c, err := s.get(socket)
	if err != nil {
		return err
	}
	err = c.Call(method, params, result)
	if err != nil && ErrorCode(err) == 0 {
		s.hangUp()
	}
	return err
}

func (s *Shared) get(socket string) (c *RPC, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		s.c, err = DialRPC("unix", socket)
	}
	return s.c, err
}

// hangUp does not wait for a call, which then fails.
func (s *Shared) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		s.c.Close()
		s.c = nil
	}
}

// Object is a JSON object.
type Object = map[string]any

// Sent is the result of the send method.
type Sent struct {
	ID      string `json:"id"`
	Matched int    `json:"matched"`
}

// Send publishes to a room.
func (d *Daemon) Send(room, data string) Sent {
	d.T.Helper()
	var s Sent
	d.Call("send", Object{"to": room, "data": data}, &s)
	return s
}

// ErrorCode returns the code of an error response, 0 for any other error.
func ErrorCode(err error) int {
	if e, ok := errors.AsType[*RPCError](err); ok {
		return e.Code
	}
	return 0
}
