package examples

import (
	"encoding/json"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// browser is a Chromium with tabs that have names. Tabs whose names begin alike up to a slash belong to one person.
type browser struct {
	t *testing.T
	*harness.Program
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	env := []string{"CHROMIUM=" + harness.Tool(t, "chromium")}
	return &browser{t, harness.Launch(t, env, harness.Node(t), "../js/pages.mjs")}
}

// do does something in a tab, see test/js/pages.mjs, and returns what came of it.
func (b *browser) do(action, tab string, args ...string) string {
	b.t.Helper()
	line, err := json.Marshal(append([]string{action, tab}, args...))
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.Stdin.Write(append(line, '\n')); err != nil {
		b.t.Fatal(err)
	}
	text, ok := b.Line()
	if !ok {
		b.t.Fatalf("the browser ended before %s", line)
	}
	var r harness.Report
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		b.t.Fatalf("%v in %s", err, text)
	}
	if r.Kind != "done" {
		b.t.Fatalf("%s: %s", line, r.Data)
	}
	return r.Data
}

// shows waits until the elements that a selector finds have exactly these texts, in this order.
func (b *browser) shows(tab, selector string, texts ...string) {
	b.t.Helper()
	b.do("list", tab, append([]string{selector}, texts...)...)
}
