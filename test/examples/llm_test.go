package examples

import (
	"testing"
)

const (
	wholeAnswer = "You asked: why?\n\nA page that is loaded again in the middle of an answer gets all of it: the daemon keeps what was " +
		"published to the room of the answer, and lastEventId=earliest asks for everything that it has kept."
	beginning = "You asked: why?"
)

// TestLLM asks, reloads the page in the middle of the answer, and finds all of it; so does another tab that is opened
// with the same address when the answer is complete.
func TestLLM(t *testing.T) {
	t.Parallel()
	e := prepare(t, "llm")
	e.start()
	e.serve("MODEL_PACE_MS=150")
	b := newBrowser(t)
	b.do("open", "ann/1", e.page())
	b.do("fill", "ann/1", "input", "why?")
	b.do("click", "ann/1", "button")
	b.do("contains", "ann/1", "#answer", beginning)
	if got := b.do("evaluate", "ann/1", "document.getElementById('state').value"); got != `"coming"` {
		t.Errorf("the answer is %s before the reload, want that it is coming", got)
	}
	b.do("reload", "ann/1")
	b.do("contains", "ann/1", "#answer", beginning)
	b.do("text", "ann/1", "#state", "complete")
	b.do("text", "ann/1", "#answer", wholeAnswer)

	address := b.do("evaluate", "ann/1", "location.href")
	b.do("open", "ann/2", address[1:len(address)-1])
	b.do("text", "ann/2", "#state", "complete")
	b.do("text", "ann/2", "#answer", wholeAnswer)
}
