package eventlog_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog"
	"github.com/hassesd/hassesd/internal/eventlog/memory"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/sse"
)

// A log gives a message its place, and the hub that follows the log has it then.
func Example() {
	h := hub.New(hub.Options{Epoch: "k3x9"})
	log := memory.New(memory.Options{Last: h.LastID(), Now: time.Now})
	log.Follow(h)

	draft, err := eventlog.NewDraft(eventlog.Message{
		To:    []names.Target{{Kind: names.Prefix, Name: "room6"}},
		Event: sse.Event{Data: "hello"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	receipt, err := log.Append(context.Background(), draft)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(receipt.ID(), h.LastID())
	// Output: k3x9-1 k3x9-1
}

func ExampleReduce() {
	to, err := eventlog.Reduce([]names.Target{
		{Kind: names.Room, Name: "news"},
		{Kind: names.Room, Name: "room624"}, // one of room6*
		{Kind: names.Prefix, Name: "room6"},
		{Kind: names.Room, Name: "news"},
	})
	fmt.Println(to, err)
	// Output: [news room6*] <nil>
}
