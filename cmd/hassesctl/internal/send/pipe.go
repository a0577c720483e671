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
func (j *job) pipe(ctx context.Context, from source) error {
	q := newQueue()
	defer q.stop()
	go q.fill(from) // it may wait for standard input for ever; the process does not wait for it
	var sum report
	err := j.forward(ctx, q, &sum)
	if errPrint := j.session.Print(sum, func() { printReport(j.session, sum) }); err == nil {
		err = errPrint
	}
	if err != nil {
		return err
	}
	if text := from.remark(); text != "" {
		j.session.Note("%s", text)
	}
	if j.mustArrive && sum.received == 0 {
		return exit.NotFoundf("nobody received any of it")
	}
	return nil
}

// forward publishes the messages of the queue and adds them to the sum. The timeout is that of those
// that came meanwhile.
func (j *job) forward(ctx context.Context, q *queue, sum *report) error {
	number := 0
	for {
		items, err := q.take()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		messages := make([]api.SendParams, len(items))
		for i, next := range items {
			p := j.like
			p.Data = next.data
			if p.Event == "" {
				p.Event = next.event
			}
			if p.Key != "" {
				p.Key = fmt.Sprintf("%s-%d", j.like.Key, number+i+1)
			}
			messages[i] = p
		}
		within, cancel := context.WithTimeout(ctx, j.session.Timeout)
		sent, failed, err := j.publisher.publish(within, messages)
		cancel()
		for _, one := range sent {
			sum.add(one)
		}
		if err != nil {
			return fmt.Errorf("message %d of standard input: %w", number+failed+1, err)
		}
		number += len(items)
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
