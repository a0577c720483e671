package http2

import "testing"

func TestOnlyTheNewestResetsAreRemembered(t *testing.T) {
	var r *resets
	if r.has(1) || r.without(1) != nil {
		t.Error("a stream is remembered before any was reset")
	}
	for id := range uint32(mostResets + 3) {
		r = r.with(2*id + 1)
	}
	if r.has(5) || !r.has(7) || !r.has(2*(mostResets+2)+1) || len(r.ids) != mostResets {
		t.Errorf("remembered: %v", r.ids)
	}
	r = r.without(7)
	r = r.without(7)
	if r.has(7) || len(r.ids) != mostResets-1 {
		t.Errorf("remembered: %v", r.ids)
	}
	for id := range uint32(mostResets + 3) {
		r = r.without(2*id + 1)
	}
	if r != nil {
		t.Errorf("remembered: %v", r.ids)
	}
}
