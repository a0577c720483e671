package publish_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/eventlog/memory"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/names"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/sse"
)

// A door publishes for a source that is granted the rooms of a shop.
func Example() {
	h := hub.New(hub.Options{Epoch: "k3x9"})
	log := memory.New(memory.Options{Last: h.LastID(), Now: time.Now})
	log.Follow(h)
	publisher := publish.New(publish.Options{
		Log:    log,
		Now:    time.Now,
		Limits: func() publish.Limits { return publish.Limits{MessageBytes: 64 << 10} },
	})

	source := publish.NewSource(publish.DoorUnix, nil)
	granted := []names.Target{{Kind: names.Prefix, Name: "shop-"}}
	for _, room := range []string{"shop-1", "bank"} {
		result, err := publisher.Publish(context.Background(), publish.Request{
			Source:  source,
			Granted: granted,
			To:      []names.Target{{Kind: names.Room, Name: room}},
			Event:   sse.Event{Data: "hello"},
		})
		if err != nil {
			fmt.Println(err)
			continue
		}
		matched, err := result.Matched(context.Background())
		fmt.Println(result.ID(), matched, err)
	}
	// Output:
	// k3x9-1 0 <nil>
	// to "bank" is not among the rooms that you may publish to
}
