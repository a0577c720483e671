package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"unicode/utf8"

	"github.com/creachadair/jrpc2"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/safetext"
)

// Bounds of the JSON form.
const (
	// rpcExpansion is how much longer a message may become by being written in JSON: \u0000 for one byte.
	rpcExpansion = 6
	// rpcSlack is what a request may have beside its message.
	rpcSlack = 64 << 10
	// maxBatch is the number of requests in one array.
	maxBatch = 256
	// maxBatchBytes is what the answers to one array may grow to before the rest of it is refused.
	maxBatchBytes = 1 << 20
	// deliverySize is about what a message that is being counted holds of memory.
	deliverySize = 256
	// maxLoggedMethod is how much of an unknown method's name the log shows.
	maxLoggedMethod = 64
)

// rpc speaks JSON-RPC 2.0, one object or array a line. The library reads the requests, but its server would run them
// at the same time and read on without bound, while messages have an order and publishers must be held back.
type rpc struct {
	conn  *conn
	lines lines
}

func newRPC(c *conn) *rpc { return &rpc{conn: c, lines: lines{hold: c.line.resize}} }

func (s *rpc) feed(data []byte) {
	s.lines.feed(data, func() int { return s.conn.lineLimit(s.conn.server.maxMessage()*rpcExpansion + rpcSlack) }, s.line)
}

// pending is 0: only a newline, or the end, ends a request.
func (s *rpc) pending() int { return 0 }

func (s *rpc) flush() { s.lines.flush(s.line) }

// line runs what stands on one line.
func (s *rpc) line(line []byte, end lineEnd) {
	if !s.conn.waitRoom() {
		return
	}
	switch end {
	case lineWhole:
	case lineTooLong:
		e := s.conn.tooLong()
		if e == nil {
			e = &api.Error{
				Code:    api.CodeTooLarge,
				Message: fmt.Sprintf("the request has more than %d bytes", len(line)),
				Hint:    "send less, or raise limits.message_bytes",
			}
		}
		s.reject(requestID(line), e)
		return
	case lineNoRoom:
		s.reject(requestID(line), errNoRoom())
		return
	}
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	if !utf8.Valid(line) {
		s.reject("", &api.Error{Code: api.CodeParse, Message: "parse error: not UTF-8", Hint: "requests are UTF-8"})
		return
	}
	requests, err := jrpc2.ParseRequests(line)
	if err != nil {
		s.reject("", &api.Error{Code: api.CodeParse, Message: "parse error: not JSON", Hint: "one JSON object a line"})
		return
	}
	if len(requests) == 0 || len(requests) > maxBatch {
		s.reject("", &api.Error{
			Code:    api.CodeInvalidRequest,
			Message: fmt.Sprintf("a batch of %d requests", len(requests)),
			Hint:    fmt.Sprintf("a batch has 1 to %d", maxBatch),
		})
		return
	}
	var replies []reply
	held := 0
	wantsNone := notifications(line, requests)
	for i, r := range requests {
		if held > maxBatchBytes && !wantsNone[i] {
			replies = append(replies, s.overloaded(r.ID))
			continue
		}
		rep := s.request(r)
		if wantsNone[i] {
			rep.release()
			continue
		}
		replies = append(replies, rep)
		held += rep.size()
	}
	if len(replies) > 0 {
		s.conn.answer(answerOf(replies, requests[0].Batch))
	}
}

// overloaded refuses a request of a batch that has grown too large.
func (s *rpc) overloaded(id string) reply {
	e := &api.Error{Code: api.CodeOverloaded, Message: "the answers to this batch are too large", Hint: "send its requests one by one"}
	s.conn.refused(e)
	return reply{id: id, text: errorText(id, e)}
}

// reject answers what cannot be run.
func (s *rpc) reject(id string, e *api.Error) {
	s.conn.refused(e)
	s.conn.answer(answerOf([]reply{{id: id, text: errorText(id, e)}}, false))
}

// request runs one request.
func (s *rpc) request(r *jrpc2.ParsedRequest) reply {
	if e := invalidRequest(r); e != nil {
		s.conn.refused(e)
		return reply{id: r.ID, text: errorText(r.ID, e)}
	}
	result, e := s.call(r.Method, r.Params)
	if e != nil {
		s.conn.refused(e, slog.String("method", safetext.ASCII(safetext.Cut(r.Method, maxLoggedMethod))))
	}
	switch d, isDelivery := result.(Delivery); {
	case e != nil:
		return reply{id: r.ID, text: errorText(r.ID, e)}
	case isDelivery:
		return reply{id: r.ID, delivery: d}
	}
	if list, ok := result.(*listed); ok {
		text := resultText(r.ID, list.value)
		list.settle(len(text))
		return reply{id: r.ID, text: text, list: list}
	}
	return reply{id: r.ID, text: resultText(r.ID, result)}
}

// invalidRequest says what is wrong with something that is JSON, but not a request.
func invalidRequest(r *jrpc2.ParsedRequest) *api.Error {
	const hint = `a request is {"jsonrpc":"2.0","id":1,"method":"status","params":{}}`
	switch {
	case r.Error != nil:
		return &api.Error{Code: api.CodeInvalidRequest, Message: "invalid request: " + r.Error.Message, Hint: hint}
	case r.Method == "":
		return &api.Error{Code: api.CodeInvalidRequest, Message: "invalid request: no method", Hint: hint}
	}
	return nil
}

func (s *rpc) call(name string, params json.RawMessage) (any, *api.Error) {
	m, ok := methods[name]
	if !ok {
		return nil, &api.Error{Code: api.CodeMethodNotFound, Message: "there is no method of this name", Hint: methodNames}
	}
	needed := m.needs(params)
	if has := s.conn.role(); !has.Includes(needed) {
		if needed != m.role {
			name += " with params"
		}
		return nil, notForRole(name, needed, has)
	}
	ctx, cancel := context.WithTimeout(s.conn.server.ctx, callTimeout)
	defer cancel()
	if m.isList {
		if !s.conn.queue.isWanted() {
			return nil, &api.Error{Code: api.CodeOverloaded, Message: "nobody is there any more to read the list"}
		}
		list, e := s.conn.server.lists.list(ctx, s.conn.role(), func() (any, *api.Error) { return m.run(ctx, s.conn, params) })
		if e != nil {
			return nil, e
		}
		return list, nil
	}
	result, e := m.run(ctx, s.conn, params)
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
		return errorText(r.id, e)
	}
	return resultText(r.id, api.Sent{ID: r.delivery.ID(), Matched: n})
}

// answerOf makes one line of replies, an array if it was one that they answer.
func answerOf(replies []reply, batch bool) answer {
	size := 0
	waits := false
	for _, r := range replies {
		size += r.size()
		waits = waits || r.delivery != nil
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
		for _, r := range replies {
			r.release()
		}
	}
	if waits {
		return answer{later: line, held: size, done: done}
	}
	return answer{text: line(context.Background()), done: done}
}

type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *responseError  `json:"error,omitempty"`
}

type responseError struct {
	Code    int           `json:"code"`
	Message string        `json:"message"`
	Data    api.ErrorData `json:"data"`
}

func resultText(id string, result any) []byte {
	text, err := encodeResponse(response{ID: responseID(id), Result: result})
	if err != nil {
		return errorText(id, asError(err))
	}
	return text
}

func errorText(id string, e *api.Error) []byte {
	text, err := encodeResponse(response{
		ID:    responseID(id),
		Error: &responseError{Code: e.Code, Message: e.Message, Data: api.ErrorData{Hint: e.Hint}},
	})
	if err != nil {
		panic(fmt.Sprintf("admin: internal error: encode an error: %v", err))
	}
	return text
}

func encodeResponse(r response) ([]byte, error) {
	r.Version = jrpc2.Version
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("encode the answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func responseID(id string) json.RawMessage {
	if id == "" {
		return json.RawMessage("null")
	}
	return json.RawMessage(id)
}
