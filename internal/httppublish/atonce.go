package httppublish

import (
	"bytes"
	"errors"

	"github.com/hassesd/hassesd/internal/publish"
)

// AtOnceBytes is the longest body that TryRun takes: what a loop reads at a time. A message of this
// length is encoded in microseconds.
const AtOnceBytes = 4 << 10

// IsShort reports whether TryRun may be called, once the body has come: it is one message, and no
// longer than AtOnceBytes.
func (p *Publication) IsShort() bool {
	return p.media != mediaEventStream && 0 <= p.head.ContentLength && p.head.ContentLength <= AtOnceBytes
}

// TryRun publishes a short body that has come as a whole, without waiting, so that an event loop may
// call it. It returns nil if publishing may take time; then nothing has happened, and Run is to be
// called. It does not keep text.
func (p *Publication) TryRun(text []byte) *Outcome {
	if p.media == mediaJSON && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("[")) {
		return nil // many messages take time
	}
	if !p.service.o.Budget.hasRoom(workBytes) {
		return nil // Run refuses it
	}
	request, _, f := p.read(text)
	if f != nil {
		return &Outcome{answer: p.service.count(f.answer())}
	}
	source := p.service.sources.Use(p.who.name)
	defer p.service.sources.Release(source)
	p.complete(&request, source, 0)
	result, err := p.service.o.Publisher.TryPublish(request)
	switch {
	case errors.Is(err, publish.ErrWouldWait):
		return nil
	case err != nil:
		return &Outcome{answer: p.service.count(refusedMessage(err).answer())}
	}
	return &Outcome{result: result}
}

// Outcome is what became of a request that TryRun has served.
type Outcome struct {
	answer *Answer         // a refusal; nil: the message has its place
	result *publish.Result // nil with a refusal
}

// Notify has fn called once the answer is complete, because the event loops have counted the streams
// of the message. It is called on one of them, so it must only signal. It returns false, and does
// not call fn, if the answer is complete already. It may be called once.
func (o *Outcome) Notify(fn func()) bool { return o.answer == nil && o.result.Notify(fn) }

// Answer returns the answer. isComplete: Notify has called its function, or returned false;
// otherwise the streams are not known.
func (o *Outcome) Answer(isComplete bool) *Answer {
	if o.answer != nil {
		return o.answer
	}
	out := receiptOf(o.result)
	if isComplete {
		n := o.result.Counted()
		out.Matched = &n
	}
	return receipt(out)
}
