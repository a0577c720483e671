package httppublish

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/hub/hubtest"
	"github.com/hassesd/hassesd/internal/publish"
)

// begin has the head of a request with a short body accepted.
func (w *testService) begin(t *testing.T, contentType, query, body string, key ...string) *Publication {
	t.Helper()
	h := head(contentType, query)
	h.ContentLength, h.IdempotencyKey = int64(len(body)), key
	p, refused := w.Begin(h)
	if refused != nil {
		t.Fatalf("refused: %s", refused.Body)
	}
	if !p.IsShort() {
		t.Fatalf("%q is not short", body)
	}
	return p
}

// A request has one answer, by Run and by TryRun.
func TestTryRunAnswersAsRunDoes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ contentType, query, body string }{
		{"", "to=a", "hello"},
		{"text/plain", "to=a&event=chat&retry=3000&except=anna", "one\ntwo\r\nthree"},
		{"text/plain; charset=utf-8", "to=a&to=b*", ""},
		{"text/plain", "to=a", "\xff is not UTF-8"},
		{"text/plain", "to=a&event=hasses.gap", "x"},
		{form, "", "to=a&data=hello"},
		{form, "", "to=a&to=b&data=%C3%A9"},
		{form, "", "to=a"},
		{form, "", "data=x"},
		{form, "", "to=a&data=x&data=y"},
		{form, "", "to=a;b&data=x"},
		{form, "", "to=a&data=" + strings.Repeat("x", 1001)},
		{form, "", ""},
		{"application/json", "", `{"to":"a","data":"hello"}`},
		{"application/json", "", ` {"to":["a","b*"],"data":"x","event":"chat","retry":5,"except":"anna"}`},
		{"application/json", "", `{"to":"a","data":"x","key":"k"}`},
		{"application/json", "", `{"to":"a"}`},
		{"application/json", "", `{"to":1,"data":"x"}`},
		{"application/json", "", `{`},
		{"application/json", "", `"x"`},
		{"application/json", "", ``},
	} {
		waiting, atOnce := newTestService(t), newTestService(t)
		want := waiting.begin(t, tt.contentType, tt.query, tt.body).Run(t.Context(), textBody(tt.body))
		outcome := atOnce.begin(t, tt.contentType, tt.query, tt.body).TryRun([]byte(tt.body))
		if outcome == nil {
			t.Errorf("%q would wait", tt.body)
			continue
		}
		if outcome.Notify(func() {}) {
			t.Errorf("%q: streams are to be counted, and there is no loop", tt.body)
		}
		got := outcome.Answer(true)
		if got.Status != want.Status || got.Code != want.Code || !bytes.Equal(got.Body, want.Body) {
			t.Errorf("%q: got %d %s, want %d %s", tt.body, got.Status, got.Body, want.Status, want.Body)
		}
		wantSent(t, atOnce, waiting.sent()...)
		if n := atOnce.o.Budget.Held(); n != 0 {
			t.Errorf("%q: %d bytes are held", tt.body, n)
		}
	}
}

func TestTryRunLeavesToRunWhatTakesTime(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		busy func(w *testService)
		body string
	}{
		"an array":     {func(*testService) {}, ` [{"to":"a","data":"x"}]`},
		"short memory": {func(w *testService) { w.memory = 0 }, `{"to":"a","data":"x"}`},
		"pace": {func(w *testService) {
			w.pace = publish.Pace{Messages: 1}
			for range 2 {
				w.begin(t, form, "", "to=b&data=x").TryRun([]byte("to=b&data=x"))
			}
		}, `{"to":"a","data":"x"}`},
	} {
		w := newTestService(t)
		tt.busy(w)
		before := len(w.sent())
		if w.begin(t, "application/json", "", tt.body).TryRun([]byte(tt.body)) != nil || len(w.sent()) != before {
			t.Errorf("%s: it was published at once", name)
		}
	}
	w := newTestService(t)
	h := head(eventStream, "to=a")
	h.ContentLength = 9
	if p, _ := w.Begin(h); p.IsShort() {
		t.Error("an event stream is short")
	}
	h = head("text/plain", "to=a")
	for _, length := range []int64{-1, AtOnceBytes + 1} {
		w.config.MessageBytes = 1 << 20
		h.ContentLength = length
		if p, _ := w.Begin(h); p.IsShort() {
			t.Errorf("a body of %d bytes is short", length)
		}
	}
}

func TestTheAnswerTellsHowManyStreams(t *testing.T) {
	t.Parallel()
	w := newTestService(t)
	shard := w.hub.NewShard(func() {})
	for range 3 {
		hubtest.Subscribe(shard, time.Now(), "a")
	}
	outcome := w.begin(t, form, "", "to=a&data=x", "k").TryRun([]byte("to=a&data=x"))
	isCounted := false
	if !outcome.Notify(func() { isCounted = true }) {
		t.Fatal("nobody has looked up the streams")
	}
	if got := outcome.Answer(false).decode(t); got.Matched != nil || got.ID != "e-1" {
		t.Errorf("before they are counted: %+v", got)
	}
	shard.Deliver(10, 1000)
	if got := outcome.Answer(true).decode(t); !isCounted || got.Matched == nil || *got.Matched != 3 {
		t.Errorf("signalled: %t, got %+v", isCounted, got)
	}
	again := w.begin(t, form, "", "to=a&data=x", "k").TryRun([]byte("to=a&data=x"))
	if again.Notify(func() {}) {
		t.Error("a message that was published before is to be waited for")
	}
	if got := again.Answer(true).decode(t); !got.Duplicate || got.ID != "e-1" || *got.Matched != 3 {
		t.Errorf("once more: %+v", got)
	}
}

func TestReceiptsAreJSON(t *testing.T) {
	t.Parallel()
	n := 17
	for _, p := range []published{{ID: "k3f9-1841"}, {ID: "k3f9-1841", Matched: &n}, {ID: "e-1", Matched: &n, Duplicate: true}} {
		var want bytes.Buffer
		if err := json.NewEncoder(&want).Encode(p); err != nil {
			t.Fatal(err)
		}
		if got := receipt(p).Body; !bytes.Equal(got, want.Bytes()) {
			t.Errorf("got %s, want %s", got, &want)
		}
	}
}
