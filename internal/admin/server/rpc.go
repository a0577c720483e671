package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/jsonrpc"
	"github.com/hassesd/hassesd/internal/admin/lines"
	"github.com/hassesd/hassesd/internal/safetext"
)

// Bounds of the JSON form.
const (
	// rpcExpansion is how much longer a message may become by being written in JSON: \u0000 for one
	// byte.
	rpcExpansion = 6
	// maxBatchBytes is what the answers to one array may grow to before the rest of it is refused.
	maxBatchBytes = 1 << 20
	// deliverySize is about what a message that is being counted holds of memory.
	deliverySize = 256
	// maxLoggedMethod is how much of an unknown method's name the log shows.
	maxLoggedMethod = 64
)

// rpc speaks JSON-RPC 2.0, one object or array a line. The library reads the requests, but its
// server would run them at the same time and read on without bound, while messages have an order
// and publishers must be held back.
type rpc struct {
	conn  *conn
	lines *lines.Splitter
}

func newRPC(c *conn) *rpc { return &rpc{conn: c, lines: lines.New(0, c.line.resize)} }

func (s *rpc) feed(data []byte) {
	s.lines.Feed(data, func() int { return s.conn.lineLimit(s.conn.maxMessage()*rpcExpansion + maxRequest) }, s.line)
}

// pending is 0: only a newline, or the end, ends a request.
func (s *rpc) pending() int { return 0 }

func (s *rpc) flush() { s.lines.Flush(s.line) }

// line runs what stands on one line.
func (s *rpc) line(line []byte, end lines.End) {
	if !s.conn.waitRoom() {
		return
	}
	switch end {
	case lines.Whole:
	case lines.TooLong:
		e := s.conn.tooLong()
		if e == nil {
			e = &api.Error{
				Code:    api.CodeTooLarge,
				Message: fmt.Sprintf("the request has more than %d bytes", len(line)),
				Hint:    "send less, or raise limits.message_bytes",
			}
		}
		s.reject(jsonrpc.RequestID(line), e)
		return
	case lines.NoRoom:
		s.reject(jsonrpc.RequestID(line), errNoRoom())
		return
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	requests, isBatch, e := jsonrpc.Parse(line)
	if e != nil {
		s.reject("", e)
		return
	}
	var replies []reply
	held := 0
	for _, r := range requests {
		if held > maxBatchBytes && !r.IsNotification {
			replies = append(replies, s.overloaded(r.ID))
			continue
		}
		rep := s.request(r)
		if r.IsNotification {
			rep.release()
			continue
		}
		replies = append(replies, rep)
		held += rep.size()
	}
	if len(replies) > 0 {
		s.conn.answer(answerOf(replies, isBatch))
	}
}

// overloaded refuses a request of a batch that has grown too large.
func (s *rpc) overloaded(id string) reply {
	e := &api.Error{Code: api.CodeOverloaded, Message: "the answers to this batch are too large", Hint: "send its requests one by one"}
	s.conn.refused(e)
	return reply{id: id, text: jsonrpc.Error(id, e)}
}

// reject answers a request that cannot be run.
func (s *rpc) reject(id string, e *api.Error) {
	s.conn.refused(e)
	s.conn.answer(answerOf([]reply{{id: id, text: jsonrpc.Error(id, e)}}, false))
}

// request runs one request.
func (s *rpc) request(r jsonrpc.Request) reply {
	if e := r.Invalid; e != nil {
		s.conn.refused(e)
		return reply{id: r.ID, text: jsonrpc.Error(r.ID, e)}
	}
	result, e := s.call(r.Method, r.Params)
	if e != nil {
		s.conn.refused(e, slog.String("method", safetext.ASCII(safetext.Cut(r.Method, maxLoggedMethod))))
	}
	switch d, isDelivery := result.(Delivery); {
	case e != nil:
		return reply{id: r.ID, text: jsonrpc.Error(r.ID, e)}
	case isDelivery:
		return reply{id: r.ID, delivery: d}
	}
	if list, ok := result.(*listed); ok {
		text := jsonrpc.Result(r.ID, list.value)
		list.settle(len(text))
		return reply{id: r.ID, text: text, list: list}
	}
	return reply{id: r.ID, text: jsonrpc.Result(r.ID, result)}
}

func (s *rpc) call(name string, params json.RawMessage) (any, *api.Error) {
	m, e := methods.Find(name)
	if e != nil {
		return nil, e
	}
	needed := m.Needs(params)
	if has := s.conn.role(); !has.Includes(needed) {
		if m.IsRestricted(params) {
			name += " with params"
		}
		return nil, notForRole(name, needed, has)
	}
	ctx, cancel := context.WithTimeout(s.conn.ctx, callTimeout)
	defer cancel()
	if m.IsList {
		if !s.conn.queue.isWanted() {
			return nil, &api.Error{Code: api.CodeOverloaded, Message: "nobody is there any more to read the list"}
		}
		list, e := s.conn.lists.list(ctx, s.conn.role(), func() (any, *api.Error) { return m.Run(ctx, s.conn, params) })
		if e != nil {
			return nil, e
		}
		return list, nil
	}
	result, e := m.Run(ctx, s.conn, params)
	if e == nil && needed == api.RoleAdmin {
		attrs := append([]slog.Attr{slog.String("method", name)}, s.conn.keyAttrs()...)
		s.conn.log.LogAttrs(ctx, slog.LevelInfo, "command obeyed", attrs...) // with who gave it
	}
	return result, e
}

// reply is the answer to one request: a text, or a message whose streams are still being counted.
type reply struct {
	id       string // JSON; empty: null
	text     []byte
	delivery Delivery
	list     *listed // what of all lists the text is; nil: it is none
}

func (r reply) release() {
	if r.list != nil {
		r.list.release()
	}
}

func (r reply) size() int {
	if r.delivery != nil {
		return deliverySize
	}
	return len(r.text)
}

func (r reply) wait(ctx context.Context) []byte {
	if r.delivery == nil {
		return r.text
	}
	n, e := matched(ctx, r.delivery)
	if e != nil {
		return jsonrpc.Error(r.id, e)
	}
	return jsonrpc.Result(r.id, api.Sent{ID: r.delivery.ID(), Matched: n, Duplicate: r.delivery.IsDuplicate()})
}

// answerOf makes one line of replies, an array if it was one that they answer.
func answerOf(replies []reply, batch bool) answer {
	size := 0
	waits := false
	var lists []*listed // without the texts, which line copies
	for _, r := range replies {
		size += r.size()
		waits = waits || r.delivery != nil
		if r.list != nil {
			lists = append(lists, r.list)
		}
	}
	line := func(ctx context.Context) []byte {
		b := make([]byte, 0, size+len(replies)+2)
		for i, r := range replies {
			switch {
			case i > 0:
				b = append(b, ',')
			case batch:
				b = append(b, '[')
			}
			b = append(b, r.wait(ctx)...)
		}
		if batch {
			b = append(b, ']')
		}
		return append(b, '\n')
	}
	done := func() {
		for _, l := range lists {
			l.release()
		}
	}
	if waits {
		return answer{later: line, held: size, done: done}
	}
	return answer{text: line(context.Background()), done: done}
}
