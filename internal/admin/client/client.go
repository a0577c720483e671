package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/channel"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// Conn is a control connection to a daemon, in the JSON form. Its methods may be called from many
// goroutines; each waits until its context ends, or for [Options.Timeout] when the context has no
// deadline. Errors match [api.ErrUnreachable], [api.ErrNotAllowed], [api.ErrNotFound],
// [api.ErrTooLarge], [api.ErrOverloaded] and [api.ErrTimeout]; an answer of the daemon is an
// [*api.Error] with a hint.
type Conn struct {
	rpc     *jrpc2.Client
	channel *drainingChannel
	name    string // where the daemon is, for error texts
	timeout time.Duration
	alert   *alertConn // nil without TLS
}

func newConn(c net.Conn, name string, timeout time.Duration) *Conn {
	words := &drainingChannel{Channel: channel.Line(c, &boundedWriter{Conn: c, timeout: timeout})}
	return &Conn{
		rpc:     jrpc2.NewClient(words, nil),
		channel: words,
		name:    name,
		timeout: timeout,
	}
}

// boundedWriter gives each write a deadline: jrpc2's client holds its lock while it writes, so that
// a daemon that does not read would otherwise block every caller for ever.
type boundedWriter struct {
	net.Conn
	timeout time.Duration
}

func (w *boundedWriter) Write(p []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}

// Close ends the connection; calls under way fail. The error is about what the daemon sent last; a
// connection that was lost before is no error here, as the failed calls have reported it.
func (c *Conn) Close() error {
	err := c.rpc.Close()
	var lost *net.OpError
	if err == nil || errors.As(err, &lost) {
		return nil
	}
	return fmt.Errorf("close the connection to %s: %w", c.name, err)
}

// Auth shows a key, which gives the connection its role.
func (c *Conn) Auth(ctx context.Context, key string) (api.Authorized, error) {
	return call[api.Authorized](ctx, c, api.MethodAuth, api.AuthParams{Key: key})
}

// Hello returns who the daemon is, and what this connection may do.
func (c *Conn) Hello(ctx context.Context) (api.Hello, error) {
	return call[api.Hello](ctx, c, api.MethodHello, nil)
}

// Nodes calls "nodes".
func (c *Conn) Nodes(ctx context.Context) (api.Nodes, error) {
	return call[api.Nodes](ctx, c, api.MethodNodes, nil)
}

// StatusOfCluster calls "status" for all nodes.
func (c *Conn) StatusOfCluster(ctx context.Context) (api.Status, error) {
	return call[api.Status](ctx, c, api.MethodStatus, api.StatusParams{Cluster: true})
}

// Status returns the counters.
func (c *Conn) Status(ctx context.Context) (api.Status, error) {
	return call[api.Status](ctx, c, api.MethodStatus, nil)
}

// Clients lists connections.
func (c *Conn) Clients(ctx context.Context, p api.ClientsParams) (api.Clients, error) {
	return call[api.Clients](ctx, c, api.MethodClients, p)
}

// Rooms lists rooms.
func (c *Conn) Rooms(ctx context.Context, p api.RoomsParams) (api.Rooms, error) {
	return call[api.Rooms](ctx, c, api.MethodRooms, p)
}

// Count counts connections and streams, or the streams of a room.
func (c *Conn) Count(ctx context.Context, p api.CountParams) (api.Count, error) {
	return call[api.Count](ctx, c, api.MethodCount, p)
}

// Send publishes a message.
func (c *Conn) Send(ctx context.Context, p api.SendParams) (api.Sent, error) {
	return call[api.Sent](ctx, c, api.MethodSend, p)
}

// Kick ends streams.
func (c *Conn) Kick(ctx context.Context, p api.KickParams) (api.Kicked, error) {
	return call[api.Kicked](ctx, c, api.MethodKick, p)
}

// LogLevel sets the level when it is not empty, and returns the current one.
func (c *Conn) LogLevel(ctx context.Context, level string) (api.Level, error) {
	return call[api.Level](ctx, c, api.MethodLogLevel, api.LevelParams{Level: level})
}

// Reinit sets the switch when enabled is not nil, and returns the current one.
func (c *Conn) Reinit(ctx context.Context, enabled *bool) (api.Reinit, error) {
	return call[api.Reinit](ctx, c, api.MethodReinit, api.ReinitParams{Enabled: enabled})
}

// Reload makes the daemon reload its configuration.
func (c *Conn) Reload(ctx context.Context) (api.Reloaded, error) {
	return call[api.Reloaded](ctx, c, api.MethodReload, nil)
}

// Drain makes the daemon end its streams, and then itself.
func (c *Conn) Drain(ctx context.Context, p api.DrainParams) (api.Drained, error) {
	return call[api.Drained](ctx, c, api.MethodDrain, p)
}

// Certificates lists the certificates.
func (c *Conn) Certificates(ctx context.Context) (api.Certificates, error) {
	return call[api.Certificates](ctx, c, api.MethodCertificates, nil)
}

// Sandbox returns which rights the daemon has given up.
func (c *Conn) Sandbox(ctx context.Context) (api.Sandbox, error) {
	return call[api.Sandbox](ctx, c, api.MethodSandbox, nil)
}

func call[T any](ctx context.Context, c *Conn, method string, params any) (T, error) {
	if _, has := ctx.Deadline(); !has {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	var result T
	err := c.rpc.CallResult(ctx, method, params, &result)
	c.channel.arrived()
	if err != nil {
		var none T
		return none, c.explain(ctx, method, err)
	}
	return result, nil
}

// explain returns an error that tells the daemon's answer, a timeout and a lost connection apart.
func (c *Conn) explain(ctx context.Context, method string, err error) error {
	var answer *jrpc2.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded), isTimeout(err):
		return fmt.Errorf("%s on %s: %w", method, c.name, api.ErrTimeout)
	case ctx.Err() != nil:
		return fmt.Errorf("%s on %s: %w", method, c.name, ctx.Err())
	case errors.As(err, &answer) && !c.rpc.IsStopped():
		var data api.ErrorData
		if json.Unmarshal(answer.Data, &data) != nil {
			data.Hint = "" // data of another form
		}
		return &api.Error{Code: int(answer.Code), Message: answer.Message, Hint: data.Hint}
	case errors.As(err, &answer) && answer.Code != jrpc2.InternalError:
		return &api.Error{Code: int(answer.Code), Message: answer.Message}
	}
	if c.alert != nil {
		if text := c.alert.text.Load(); text != nil {
			return fmt.Errorf("%s on %s: %w: %s", method, c.name, api.ErrCertificate, *text)
		}
	}
	// jrpc2 reports a connection that ended as a cancelled call.
	return fmt.Errorf("%s on %s: the connection ended before the answer: %w", method, c.name, api.ErrUnreachable)
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// Limits returns how much of each limit is used, and who was refused.
func (c *Conn) Limits(ctx context.Context, p api.LimitsParams) (api.Limits, error) {
	return call[api.Limits](ctx, c, api.MethodLimits, p)
}
