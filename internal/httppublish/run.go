package httppublish

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/sse"
)

// workBytes is about what a request in work holds beside its body and what its door has read ahead: a
// goroutine.
const workBytes = 16 << 10

// matchTimeout bounds how long an answer waits until the streams of a message are counted.
const matchTimeout = 10 * time.Second

// Run reads the body, publishes what is in it, and returns the answer; nil if the client is gone.
// It ends when ctx does. Messages of one request are published in their order.
func (p *Publication) Run(ctx context.Context, body Body) *Answer {
	hold := &holding{budget: p.service.o.Budget}
	defer hold.release()
	if !hold.grow(workBytes + p.head.ReadAhead) {
		return p.service.count(noMemory().answer())
	}
	source := p.service.sources.Use(p.who.name)
	defer p.service.sources.Release(source)
	r := &run{Publication: p, ctx: ctx, source: source, hold: hold}
	var a *Answer
	if p.media == mediaEventStream {
		a = r.eventStream(body)
	} else {
		a = r.whole(body)
	}
	if ctx.Err() != nil && a != nil && a.Code == CodeOverloaded {
		return nil // it was the end of ctx that it did not wait longer
	}
	return p.service.count(a)
}

// run is a publication in work. It belongs to one goroutine.
type run struct {
	*Publication
	ctx    context.Context
	source *publish.Source
	hold   *holding
}

// whole publishes what is in a body that is read as a whole.
func (r *run) whole(body Body) *Answer {
	text, f := r.readAll(body, r.hold, r.media.limit(r.config.MessageBytes))
	if f == nil {
		f = r.recheck()
	}
	if f != nil {
		return r.refuse(f)
	}
	request, list, f := r.read(text)
	switch {
	case f != nil:
		return f.answer()
	case list != nil:
		return r.batch(list)
	}
	result, f := r.publish(request, 0)
	if f != nil {
		return f.answer()
	}
	return receipt(r.published(result))
}

// refuse returns the answer to a request that failed; nil if there is nobody to answer.
func (r *run) refuse(f *failure) *Answer {
	if f == errGone {
		return nil
	}
	return f.answer()
}

// recheck identifies the client again if that may have another outcome by now: staying connected
// keeps no right that was taken away.
func (r *run) recheck() *failure {
	now, config := r.service.o.Now(), r.service.o.Config()
	if config == r.config && (r.who.until.IsZero() || now.Before(r.who.until)) {
		return nil
	}
	who, f := config.Access.identify(&r.head, now)
	if f != nil {
		return f
	}
	name := r.who.name // that of the source
	r.who, r.config = who, config
	r.who.name = name
	return nil
}

// batch publishes the messages of an array, one after the other. Once the daemon is too busy, it
// does not try the rest.
func (r *run) batch(list []json.RawMessage) *Answer {
	results := make([]*publish.Result, len(list))
	failures := make([]*failure, len(list))
	var first, busy *failure
	for i, text := range list {
		if busy != nil {
			failures[i] = busy
			continue
		}
		m, f := parseMessage(text)
		if f == nil {
			results[i], f = r.message(m, i)
		}
		if f == nil {
			continue
		}
		failures[i] = f
		if first == nil {
			first = f
		}
		if f.code == CodeOverloaded || f.code == CodeDraining {
			busy = f
		}
	}
	body := batch{Results: make([]any, len(list)), Duplicate: true}
	isEmpty := true
	for i := range list {
		if f := failures[i]; f != nil {
			body.Results[i] = refusedBody{f.detail()}
			continue
		}
		isEmpty = false
		body.Duplicate = body.Duplicate && results[i].IsDuplicate()
		body.Results[i] = r.published(results[i])
	}
	if isEmpty {
		body.Duplicate = false
		return first.answerWith(body)
	}
	return success(body)
}

// message publishes a message that names its targets itself. part is its place in the request.
func (r *run) message(m message, part int) (*publish.Result, *failure) {
	request, f := r.requestOf(m)
	if f != nil {
		return nil, f
	}
	return r.publish(request, part)
}

func (r *run) publish(request publish.Request, part int) (*publish.Result, *failure) {
	r.complete(&request, r.source, part)
	result, err := r.service.o.Publisher.Publish(r.ctx, request)
	if err != nil {
		return nil, refusedMessage(err)
	}
	return result, nil
}

// published returns what a publisher learns of a message. It waits until its streams are counted.
func (r *run) published(result *publish.Result) published {
	out := receiptOf(result)
	timer := time.NewTimer(matchTimeout) // cheaper than a context
	defer timer.Stop()
	select {
	case <-result.Done():
		if n, err := result.Matched(r.ctx); err == nil {
			out.Matched = &n
		}
	case <-timer.C:
	case <-r.ctx.Done():
	}
	return out
}

// eventStream publishes each event when its blank line has come.
func (r *run) eventStream(body Body) *Answer {
	var out streamed
	out.Duplicate = true
	s := &streamParser{limit: r.config.MessageBytes, grown: func(n int) bool { return r.hold.grow(int64(n)) }}
	emit := func(e sse.Event) *failure {
		if f := r.recheck(); f != nil {
			return f
		}
		result, f := r.publish(publish.Request{To: r.to, Except: r.except, Event: e}, out.Published)
		if f != nil {
			return f
		}
		out.add(result)
		return nil
	}
	f := r.readEvents(body, s, emit)
	if out.Published == 0 {
		out.Duplicate = false
	}
	switch {
	case f == errGone:
		return nil
	case f != nil:
		d := f.detail()
		out.Error = &d
		return f.answerWith(out)
	}
	out.Incomplete = s.isMidEvent()
	return success(out)
}

func (s *streamed) add(result *publish.Result) {
	s.LastID = result.ID().String()
	if s.FirstID == "" {
		s.FirstID = s.LastID
	}
	s.Published++
	s.Duplicate = s.Duplicate && result.IsDuplicate()
}

// readEvents feeds the body to the parser.
func (r *run) readEvents(body Body, s *streamParser, emit func(sse.Event) *failure) *failure {
	buf := make([]byte, readPiece)
	for {
		if err := body.SetReadDeadline(r.service.o.Now().Add(r.config.StreamIdle)); err != nil {
			return errGone
		}
		n, err := body.Read(buf)
		if f := s.feed(buf[:n], emit); f != nil {
			return f
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return bodyFailure(err)
		}
	}
}
