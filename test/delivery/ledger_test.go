package delivery

import (
	"strings"
	"testing"
)

// Each story goes into a fresh ledger, which must report exactly the problem, or none.
func TestChecker(t *testing.T) {
	t.Parallel()
	const gapTo3 = `{"last_event_id":"e-1","resumed_at":"e-3"}`
	for _, tt := range []struct {
		name  string
		tell  func(c *Ledger, cl *Client)
		wrong string // part of the only problem; "" for none
	}{
		{
			name: "everything arrives",
			tell: func(_ *Ledger, cl *Client) {
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Got("e-2", "note", "two")
				cl.Got("e-3", "message", "three")
			},
		},
		{
			name: "resumed in the middle",
			tell: func(_ *Ledger, cl *Client) {
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Opened("e-1")
				cl.Got("e-2", "note", "two")
				cl.Got("e-3", "message", "three")
			},
		},
		{
			name: "joined late",
			tell: func(_ *Ledger, cl *Client) {
				cl.Opened("e-2")
				cl.Got("e-3", "message", "three")
			},
		},
		{
			name: "lost", wrong: "lost 1 events: [2]",
			tell: func(_ *Ledger, cl *Client) {
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Got("e-3", "message", "three")
			},
		},
		{
			name: "lost at the end", wrong: "lost 2 events: [2 3]",
			tell: func(_ *Ledger, cl *Client) {
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
			},
		},
		{
			name: "twice", wrong: "event 1 came twice",
			tell: func(_ *Ledger, cl *Client) {
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Got("e-2", "note", "two")
				cl.Got("e-3", "message", "three")
			},
		},
		{
			name: "out of order", wrong: "event 2 came after 3",
			tell: func(_ *Ledger, cl *Client) {
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Got("e-3", "message", "three")
				cl.Got("e-2", "note", "two")
			},
		},
		{
			name: "an honest gap",
			tell: func(_ *Ledger, cl *Client) {
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Opened("e-3")
				cl.Gap("e-3", gapTo3)
			},
		},
		{
			name: "a silent gap", wrong: "silent gap: after 1 the stream resumed at 2",
			tell: func(c *Ledger, cl *Client) {
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Opened("e-2")
				cl.Got("e-3", "message", "three")
				c.mu.Lock()
				delete(c.sent, 2) // whether it was for the client does not matter: the stream may not skip
				c.mu.Unlock()
			},
		},
		{
			name: "another epoch", wrong: `id "f-2" does not belong to epoch "e"`,
			tell: func(_ *Ledger, cl *Client) {
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Got("f-2", "note", "two")
				cl.Got("e-2", "note", "two")
				cl.Got("e-3", "message", "three")
			},
		},
		{
			name: "changed on the way", wrong: `event 3 says "thre", sent was "three"`,
			tell: func(_ *Ledger, cl *Client) {
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Got("e-2", "note", "two")
				cl.Got("e-3", "message", "thre")
			},
		},
		{
			name: "not for this client", wrong: "event 4 to [\"lab\"] except \"\" was not for it",
			tell: func(c *Ledger, cl *Client) {
				c.Sent("e-4", Message{To: []string{"lab"}, Data: "four"})
				cl.Opened("e-0")
				cl.Got("e-1", "message", "one")
				cl.Got("e-2", "note", "two")
				cl.Got("e-3", "message", "three")
				cl.Got("e-4", "message", "four")
			},
		},
		{
			name: "own words stay away",
			tell: func(c *Ledger, cl *Client) {
				c.Sent("e-4", Message{To: []string{"*"}, Except: "ann", Data: "four"})
				cl.Opened("e-2")
				cl.Got("e-3", "message", "three")
			},
		},
		{
			name: "one id for two messages", wrong: `id e-3 was given to two messages: "three" and "again"`,
			tell: func(c *Ledger, cl *Client) {
				cl.Opened("e-3")
				c.Sent("e-3", Message{To: []string{"lab"}, Data: "again"})
			},
		},
		{name: "never connected", wrong: "never connected", tell: func(*Ledger, *Client) {}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := New()
			c.Sent("e-1", Message{To: []string{"room1"}, Data: "one"})
			c.Sent("e-2", Message{To: []string{"ro*"}, Name: "note", Data: "two"})
			c.Sent("e-3", Message{To: []string{"lab", "*"}, Data: "three"})
			tt.tell(c, c.Client("ann", "room1"))
			got := c.Check()
			switch {
			case tt.wrong == "" && len(got) > 0:
				t.Errorf("problems %q, want none", got)
			case tt.wrong != "" && (len(got) != 1 || !strings.Contains(got[0], tt.wrong)):
				t.Errorf("problems %q, want one with %q", got, tt.wrong)
			}
		})
	}
}

func TestTotals(t *testing.T) {
	t.Parallel()
	c := New()
	cl := c.Client("ann", "*")
	cl.Opened("e-0")
	for _, id := range []string{"e-1", "e-2", "e-3"} {
		c.Sent(id, Message{To: []string{"a"}, Data: id})
	}
	cl.Got("e-1", "message", "e-1")
	cl.Opened("e-2")
	cl.Gap("e-2", `{"last_event_id":"e-1","resumed_at":"e-2"}`)
	cl.Got("e-3", "message", "e-3")
	if got, want := c.Totals(), (Totals{Messages: 3, Deliveries: 2, Connections: 2, Gaps: 1, Skipped: 1}); got != want {
		t.Errorf("totals %+v, want %+v", got, want)
	}
	if wrong := c.Check(); wrong != nil {
		t.Errorf("problems %q", wrong)
	}
	if got := cl.LastEventID(); got != "e-3" {
		t.Errorf("last event id %s, want e-3", got)
	}
}
