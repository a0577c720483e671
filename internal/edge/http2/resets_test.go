package http2

import "testing"

func TestOnlyTheNewestResetsAreRemembered(t *testing.T) {
	var r resets
	for id := range uint32(mostResets + 3) {
		r.add(2*id + 1)
	}
	if r.has(5) || !r.has(7) || !r.has(2*(mostResets+2)+1) || len(r.ids) != mostResets {
		t.Errorf("remembered: %v", r.ids)
	}
	r.forget(7)
	r.forget(7)
	if r.has(7) || len(r.ids) != mostResets-1 {
		t.Errorf("remembered: %v", r.ids)
	}
}
