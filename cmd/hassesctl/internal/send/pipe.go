package send

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/exit"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/cmd/hassesctl/internal/session"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// report is the --json document of --sse and --lines.
type report struct {
	Published int    `json:"published"`
	FirstID   string `json:"first_id,omitempty"`
	LastID    string `json:"last_id,omitempty"`

	received int // streams, of all messages together
}

func (r *report) add(sent api.Sent) {
	if r.Published++; r.FirstID == "" {
		r.FirstID = sent.ID
	}
	r.LastID = sent.ID
	r.received += sent.Matched
}

// pipe sends what the source yields, in its order, until its end or the first error, and then
// prints how far it came.
func pipe(ctx context.Context, s *session.Session, like api.SendParams, from source, mustArrive bool) error {
	p := newControl(s)
	defer p.close()
	q := newQueue()
	defer q.stop()
	go q.fill(from) // it may wait for standard input for ever; the process does not wait for it
	var sum report
	err := forward(ctx, s, p, like, q, &sum)
	if errPrint := s.Print(sum, func() { printReport(s, sum) }); err == nil {
		err = errPrint
	}
	if err != nil {
		return err
	}
	if text := from.remark(); text != "" {
		s.Note("%s", text)
	}
	if mustArrive && sum.received == 0 {
		return exit.NotFoundf("nobody received any of it")
	}
	return nil
}

// forward publishes each message of the queue and adds it to the sum. The timeout is that of one
// message.
func forward(ctx context.Context, s *session.Session, p *control, like api.SendParams, q *queue, sum *report) error {
	for {
		items, err := q.take()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, next := range items {
			params := like
			params.Data = next.data
			if params.Event == "" {
				params.Event = next.event
			}
			sent, err := session.Within(ctx, s.Timeout, func(ctx context.Context) (api.Sent, error) { return p.publish(ctx, params) })
			if err != nil {
				return fmt.Errorf("message %d of standard input: %w", sum.Published+1, err)
			}
			sum.add(sent)
		}
	}
}

func printReport(s *session.Session, r report) {
	switch r.Published {
	case 0:
		s.Out.Printf("published no message\n")
	case 1:
		s.Out.Printf("published 1 message (id %s)\n", r.LastID)
	default:
		s.Out.Printf("published %s (ids %s to %s)\n", output.Plural(r.Published, "message"), r.FirstID, r.LastID)
	}
}
