package threats

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
	"github.com/hassesd/hassesd/test/subscriber"
)

// forgeries try to end a field, an event or a line, and to begin another. None contains a byte that
// ends a classic command.
var forgeries = []string{
	"\rid: 9-9", "x\rdata: forged", "x\r\revent: forged\rdata: forged\r\r", "\x00", "a\x00\rid: \x009", "\uFEFFdata: x", "\uFEFF",
	"\xff\xfe", "\xe2\x80", "x\xc0\x8ay", "a\u2028data: forged\u2029\u2028", "a\u0085b\vc\fd", ": comment", "retry: 1", "id", "data", " lead", "  ",
	"\rretry: 1\r", "event: hasses.gap", "\x1e\x1f", "[DONE]",
}

// asLines returns a text as a page receives it: every line end is LF.
func asLines(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
}

// untilFence reads events until the one whose data is fence, and returns those before it.
func untilFence(t testing.TB, s *subscriber.Stream, fence string) []subscriber.Event {
	t.Helper()
	var events []subscriber.Event
	for {
		e, err := s.Next()
		if err != nil {
			t.Fatalf("before %s: %v", fence, err)
		}
		if e.Data == fence {
			return events
		}
		events = append(events, e)
	}
}

// TestT9FieldInjection: through no listener can a publisher set more than the data and the name of
// one event.
func TestT9FieldInjection(t *testing.T) {
	t.Parallel()
	d := harness.Start(t)
	good := attackedGoodStreams(d)
	s, sealed := d.Open(d.Plain("subscribe=victim")), d.Subscribe("subscribe=victim")
	fences := 0
	// received is what both streams get of it, which must be the same.
	received := func(from string) []subscriber.Event {
		t.Helper()
		fences++
		fence := fmt.Sprint("fence ", fences)
		d.Send("victim", fence)
		events, same := untilFence(t, s, fence), untilFence(t, sealed, fence)
		if fmt.Sprintf("%q", events) != fmt.Sprintf("%q", same) {
			t.Errorf("%s: %q in plain, %q over TLS", from, events, same)
		}
		epoch, _, _ := strings.Cut(d.Status().LastEventID, "-")
		for _, e := range events {
			if !strings.HasPrefix(e.ID, epoch+"-") || strings.Trim(e.ID[len(epoch)+1:], "0123456789") != "" {
				t.Errorf("%s: an event with the id %q", from, e.ID)
			}
		}
		return events
	}
	want := func(from, name, data string) {
		t.Helper()
		if got := received(from); len(got) != 1 || got[0].Name != name || got[0].Data != asLines(data) {
			t.Errorf("%s: %q becomes %q, want the event %q with %q", from, data, got, name, asLines(data))
		}
	}

	fifo, err := os.OpenFile(d.FIFO, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	lines := map[string]func(string){
		"classic, socket": d.Classic("unix").Say,
		"classic, port":   d.Classic("tcp").Say,
		"FIFO": func(text string) {
			if _, err := fifo.WriteString(text); err != nil {
				t.Fatal(err)
			}
		},
	}
	for door, say := range lines {
		for _, text := range forgeries {
			say("victim=" + text + "x\n") // a CR before the line's end would be a part of it
			harness.WantMessage(t, s, asLines(text+"x"))
			harness.WantMessage(t, sealed, asLines(text+"x"))
			if more := received(door); len(more) > 0 {
				t.Errorf("%s: %q becomes %q besides", door, text, more)
			}
		}
		// What ends a command begins another, and that is none, or a message of its own.
		failed := d.Status().CommandErrorsTotal
		say("victim=a\nid: 9-9\n\r\ndata: forged\nvictim=b\r\nevent: forged;retry: 1;victim=c;\n")
		for _, text := range []string{"a", "b", "c"} {
			harness.WantMessage(t, s, text)
			harness.WantMessage(t, sealed, text)
		}
		if more := received(door); len(more) > 0 {
			t.Errorf("%s: %q comes besides", door, more)
		}
		harness.Eventually(t, "four commands that are none", func() bool { return d.Status().CommandErrorsTotal == failed+4 })
	}

	for _, text := range append(forgeries, "\nid: 9-9", "x\n\ndata: forged\n\n", "\r\n\r\n", "x\n\r\n: y") {
		text = strings.ToValidUTF8(text, "\uFFFD") // as JSON has it
		d.Send("victim", text)
		want("JSON-RPC data", "message", text)
		err := d.Try("send", harness.Object{"to": "victim", "event": text, "data": "x"}, nil)
		switch refused := harness.ErrorCode(err) == -32602; {
		case strings.ContainsAny(text, "\r\n\x00"):
			if more := received("JSON-RPC event"); !refused || len(more) > 0 {
				t.Errorf("the name %q: %v, received %q; want a refusal", text, err, more)
			}
		case err == nil:
			want("JSON-RPC event", text, "x")
		case !refused:
			t.Errorf("the name %q: %v", text, err)
		}
		for _, params := range []harness.Object{
			{"to": "victim", "data": "x", "id": text}, {"to": "victim", "data": "x", "comment": text}, {"to": "victim", "data": "x", "retry": text},
		} {
			if err := d.Try("send", params, nil); err == nil {
				for _, e := range received("JSON-RPC with more fields") {
					if e.Data != "x" || e.Name != "message" {
						t.Errorf("%q: received %q", params, e)
					}
				}
			}
		}
	}
	// What is not UTF-8 is no JSON.
	c := d.Classic("unix")
	if got := c.Ask(`{"jsonrpc":"2.0","id":1,"method":"send","params":{"to":"victim","data":"` + "\xff" + `"}}`); !strings.Contains(got, "-32700") {
		t.Errorf("JSON that is not UTF-8: %q", got)
	}
	if got := received("JSON that is not UTF-8"); len(got) > 0 {
		t.Errorf("JSON that is not UTF-8: received %q", got)
	}

	// A client chooses one text that is sent back to it: its Last-Event-ID, in the data of a gap.
	for i, text := range []string{"\uFEFF9-9", "a\u2028b", "x\xff", "a\u0085", "id: 9", strings.Repeat("é", 200), `"}`, "0-1"} {
		r := d.Plain("subscribe=resumed")
		r.LastEventID = text
		resumed, err := subscriber.Open(t.Context(), r)
		if err != nil || resumed.Status != 200 {
			t.Fatalf("Last-Event-ID %q: %+v, %v", text, resumed, err)
		}
		d.Send("resumed", "fence "+fmt.Sprint(i))
		events := untilFence(t, resumed, "fence "+fmt.Sprint(i))
		events = slices.DeleteFunc(events, func(e subscriber.Event) bool { return strings.HasPrefix(e.Data, "fence ") }) // of those before
		var gap struct {
			LastEventID string `json:"last_event_id"`
		}
		if len(events) != 1 || events[0].Name != "hasses.gap" || json.Unmarshal([]byte(events[0].Data), &gap) != nil {
			t.Errorf("Last-Event-ID %q: received %q, want one gap", text, events)
		} else if whole := strings.ToValidUTF8(text, "?"); !strings.HasPrefix(whole, gap.LastEventID) || gap.LastEventID == "" {
			t.Errorf("Last-Event-ID %q: the gap says %q", text, gap.LastEventID)
		}
		resumed.Close()
	}
	good.survived()
}

// TestT9HeartbeatNames: nor can the configuration.
func TestT9HeartbeatNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a\ndata: forged", "a\r", "a\x01", strings.Repeat("a", 200)} {
		d := harness.Prepare(t)
		r := harness.Run(t, "", harness.Hassesd, append([]string{"check"}, append(d.Args, "--heartbeat-event", name)...)...)
		if r.Code != 2 || !strings.Contains(r.Stderr, "heartbeat.event") {
			t.Errorf("the heartbeat %q: %s, want exit code 2", name, r)
		}
	}
	d := harness.Start(t, "--heartbeat-event", "\uFEFF: a", "--heartbeat-interval", "1s")
	s := d.Subscribe("subscribe=a")
	if e, err := s.Next(); err != nil || e.Name != "\uFEFF: a" || e.Data != "" {
		t.Errorf("the heartbeat is %q, %v", e, err)
	}
}
