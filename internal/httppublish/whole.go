package httppublish

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/sse"
)

// read reads a body that has come as a whole: one message, or a list of those that are still to be
// read by parseMessage. It does not keep text.
func (p *Publication) read(text []byte) (one publish.Request, list []json.RawMessage, f *failure) {
	switch p.media {
	case mediaForm:
		m, f := parseForm(string(text))
		if f != nil {
			return one, nil, f
		}
		one, f = p.requestOf(m)
		return one, nil, f
	case mediaJSON:
		return p.readJSON(text)
	case mediaRaw, mediaEventStream:
	}
	return publish.Request{
		To:     p.to,
		Except: p.except,
		Event:  sse.Event{Name: p.event, Data: string(text), Retry: sse.RetryOf(p.retry)},
	}, nil, nil
}

func (p *Publication) readJSON(text []byte) (one publish.Request, list []json.RawMessage, f *failure) {
	if !utf8.Valid(text) {
		return one, nil, fail(CodeBadRequest, "the body is not JSON: it is not UTF-8")
	}
	list, isBatch, f := parseJSON(text)
	if f != nil || isBatch {
		return one, list, f
	}
	m, f := parseMessage(list[0])
	if f != nil {
		return one, nil, f
	}
	one, f = p.requestOf(m)
	return one, nil, f
}

// requestOf returns a message that names its targets itself.
func (p *Publication) requestOf(m message) (publish.Request, *failure) {
	request, f := m.request()
	if f != nil {
		return publish.Request{}, f
	}
	if request.Key != "" && p.key != "" && request.Key != p.key {
		return publish.Request{}, failField("key", "the message has another key than the field Idempotency-Key of its request")
	}
	return request, nil
}

// complete adds who publishes to a message, and the key of the request it is a part of.
func (p *Publication) complete(request *publish.Request, source *publish.Source, part int) {
	request.Source, request.Granted, request.Publisher = source, p.who.granted, p.who.name
	if request.Key == "" && p.key != "" {
		request.Key, request.Part = p.key, part
	}
}
