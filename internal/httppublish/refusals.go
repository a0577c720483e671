package httppublish

import "sync/atomic"

// refusals counts answers by their code.
type refusals struct{ byCode map[Code]*atomic.Uint64 }

func newRefusals() refusals {
	r := refusals{byCode: make(map[Code]*atomic.Uint64, len(statuses))}
	for code := range statuses {
		r.byCode[code] = new(atomic.Uint64)
	}
	return r
}

// count counts an answer, which may be nil, and returns it.
func (s *Service) count(a *Answer) *Answer {
	if a != nil && a.Code != "" {
		s.refused.byCode[a.Code].Add(1)
	}
	return a
}

// Refuse returns the answer to a request that the door turns away for a reason of its own, such as
// CodeTooManyRequests, and counts it.
func (s *Service) Refuse(code Code, message string) *Answer {
	return s.count(fail(code, "%s", message).answer())
}

// Refused returns how many requests were refused with each code.
func (s *Service) Refused() map[Code]uint64 {
	out := make(map[Code]uint64, len(s.refused.byCode))
	for code, n := range s.refused.byCode {
		out[code] = n.Load()
	}
	return out
}
