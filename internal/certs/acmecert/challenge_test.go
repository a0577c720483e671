package acmecert

import (
	"testing"
)

func TestChoose(t *testing.T) {
	both, one := []Challenge{TLSALPN01, HTTP01}, []Challenge{HTTP01}
	for _, c := range []struct {
		name   string
		usable []Challenge
		memory memory
		want   Challenge
	}{
		{"none can be answered", nil, memory{}, ""},
		{"the preferred one first", both, memory{}, TLSALPN01},
		{"the other one after a failure", both, memory{Failures: 1}, HTTP01},
		{"and back", both, memory{Failures: 2}, TLSALPN01},
		{"what worked last time", both, memory{Challenge: HTTP01}, HTTP01},
		{"the other one when that fails", both, memory{Challenge: HTTP01, Failures: 1}, TLSALPN01},
		{"only one", one, memory{Failures: 3}, HTTP01},
		{"what worked is not possible any more", one, memory{Challenge: TLSALPN01}, HTTP01},
	} {
		if got := choose(c.usable, c.memory); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAnswers(t *testing.T) {
	var a Answers
	if got, ok := a.Lookup("token"); ok {
		t.Errorf("an answer %q that nobody gave", got)
	}
	a.set("token", "token.thumb")
	a.set("other", "other.thumb")
	if got, ok := a.Lookup("token"); !ok || got != "token.thumb" {
		t.Errorf("got %q, %v", got, ok)
	}
	a.set("token", "")
	if got, ok := a.Lookup("token"); ok {
		t.Errorf("%q is still there after it was taken away", got)
	}
	if got, _ := a.Lookup("other"); got != "other.thumb" {
		t.Errorf("the other answer became %q", got)
	}
	if _, ok := a.Lookup(""); ok {
		t.Error("the empty token has an answer")
	}
}
