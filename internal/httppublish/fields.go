package httppublish

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/safetext"
	"github.com/hassesd/hassesd/internal/sse"
)

// message is a message as a request has it.
type message struct {
	to      []string
	data    string
	hasData bool
	event   string
	except  string
	retry   int
	key     string // of its own; empty: that of the request, if there is one
}

// parseTargets reads the targets of a message.
func parseTargets(texts []string) ([]names.Target, *failure) {
	if len(texts) == 0 {
		return nil, failField("to", "to is missing: name a room, a prefix such as news*, or *")
	}
	if len(texts) > eventlog.MaxTargets {
		return nil, failField("to", "to has more than %d targets", eventlog.MaxTargets)
	}
	targets := make([]names.Target, 0, len(texts))
	for _, text := range texts {
		t, err := names.ParseTarget(text)
		if err != nil {
			return nil, failField("to", "to: %s %v", safetext.Quote(text), err)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// request returns the message as publish takes it, or why it is none.
func (m *message) request() (publish.Request, *failure) {
	to, f := parseTargets(m.to)
	if f != nil {
		return publish.Request{}, f
	}
	if !m.hasData {
		return publish.Request{}, failField("data", "data is missing; an empty message has data that is empty")
	}
	return publish.Request{
		To:     to,
		Except: m.except,
		Event:  sse.Event{Name: m.event, Data: m.data, Retry: sse.RetryOf(m.retry)},
		Key:    m.key,
	}, nil
}

// parseRetry reads a number of milliseconds.
func parseRetry(text string) (int, *failure) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || text != strconv.Itoa(n) {
		return 0, failField("retry", "retry is not a number of milliseconds, such as 3000")
	}
	return n, nil
}

// parametersMost is how many parameters a form or query may have beside the targets.
const parametersMost = 64

// eachParameter calls take with each name=value of a form or query.
func eachParameter(text string, take func(name, value string) *failure) *failure {
	left := eventlog.MaxTargets + parametersMost
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		if left--; left < 0 {
			return fail(CodeBadRequest, "there are too many parameters")
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return fail(CodeBadRequest, "a parameter is malformed: %v", err)
		}
		if f := take(name, value); f != nil {
			return f
		}
	}
	return nil
}

// once refuses a parameter that comes twice.
type once map[string]bool

func (o once) check(name string) *failure {
	if o[name] {
		return failField(name, "%s is there twice", name)
	}
	o[name] = true
	return nil
}

// readQuery reads the target and the other fields that a body does not name itself. Other
// parameters have no effect.
func (p *Publication) readQuery() *failure {
	var m message
	seen := once{}
	f := eachParameter(p.head.Query, func(name, value string) *failure {
		switch name {
		case "to":
			m.to = append(m.to, value)
			return nil
		case "except":
			m.except = value
		case "event", "retry":
			if p.media == mediaEventStream {
				return failField(name, "the URL has %s, but the events of a stream have their own", name)
			}
			if name == "event" {
				m.event = value
				break
			}
			n, f := parseRetry(value)
			if f != nil {
				return f
			}
			m.retry = n
		default:
			return nil
		}
		return seen.check(name)
	})
	if f != nil {
		return f
	}
	if p.to, f = parseTargets(m.to); f != nil {
		if len(m.to) == 0 {
			f.message = "to is missing: name the target in the URL, as in ?to=room624"
		}
		return f
	}
	p.event, p.except, p.retry = m.event, m.except, m.retry
	return p.who.check(p.to)
}

// check refuses targets that are not granted.
func (w *principal) check(to []names.Target) *failure {
	for _, t := range to {
		if !slices.ContainsFunc(w.granted, func(granted names.Target) bool { return granted.Covers(t) }) {
			return &failure{code: CodeRoomNotAllowed, field: "to", message: "the target " + safetext.Quote(t.String()) + " is not among those that you may publish to"}
		}
	}
	return nil
}
