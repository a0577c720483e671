package httppublish

import "sync/atomic"

// refusals counts answers by their code.
type refusals struct{ byCode map[Code]*refusal }

// refusal counts the answers with one code.
type refusal struct {
	requests atomic.Uint64 // refused as such
	messages atomic.Uint64 // whose message the publisher has refused, and counted
}

func newRefusals() refusals {
	r := refusals{byCode: make(map[Code]*refusal, len(statuses))}
	for code := range statuses {
		r.byCode[code] = new(refusal)
	}
	return r
}

// count counts an answer, which may be nil, and returns it.
func (s *Service) count(a *Answer) *Answer {
	if a == nil || a.Code == "" {
		return a
	}
	n := &s.refused.byCode[a.Code].requests
	if a.ofMessage {
		n = &s.refused.byCode[a.Code].messages
	}
	n.Add(1)
	return a
}

// Refuse returns the answer to a request that the door turns away for a reason of its own, such as
// CodeTooManyRequests, and counts it.
func (s *Service) Refuse(code Code, message string) *Answer {
	return s.count(fail(code, "%s", message).answer())
}

// Refused returns how many requests were answered with each code.
func (s *Service) Refused() map[Code]uint64 {
	return s.refused.each(func(r *refusal) uint64 { return r.requests.Load() + r.messages.Load() })
}

// RefusedAlone is Refused without the requests whose message the publisher has refused: with what the
// publisher counts, each refusal has one reason.
func (s *Service) RefusedAlone() map[Code]uint64 {
	return s.refused.each(func(r *refusal) uint64 { return r.requests.Load() })
}

func (r refusals) each(count func(*refusal) uint64) map[Code]uint64 {
	out := make(map[Code]uint64, len(r.byCode))
	for code, one := range r.byCode {
		out[code] = count(one)
	}
	return out
}
