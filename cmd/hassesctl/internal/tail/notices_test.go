package tail

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/eventsource"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
)

func TestReportEnds(t *testing.T) {
	events := []eventsource.Event{
		{ID: "e-1", Type: "message", Data: "a"},
		{ID: "e-9", Type: gapEvent, Data: `{"last_event_id":"e-1","resumed_at":"e-9"}`},
		{ID: "e-12", Type: gapEvent, Data: "not JSON"},
		{ID: "e-12", Type: reauthEvent, Data: "{}"},
	}
	const notes = "hassesctl: gap: events after e-1 up to e-9 are lost\n" +
		"hassesctl: gap: events after ? up to e-12 are lost\n" +
		"hassesctl: the token or signed URL of the stream has ended\n"
	for pass, want := range map[bool][]string{
		false: {"message"},
		true:  {"message", gapEvent, gapEvent, reauthEvent},
	} {
		var stdout, stderr bytes.Buffer
		s := session.New(strings.NewReader(""), &stdout, &stderr, nil, "test")
		var handled []string
		handle := reportEnds(s, func(_ context.Context, ev eventsource.Event) error {
			handled = append(handled, ev.Type)
			return nil
		}, pass)
		for _, ev := range events {
			if err := handle(t.Context(), ev); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(handled, want) || stderr.String() != notes || stdout.Len() > 0 {
			t.Errorf("pass %v: handled %q, noted %q", pass, handled, stderr.String())
		}
	}
}
