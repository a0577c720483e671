package hub_test

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

// connection carries one stream; its socket takes everything.
type connection struct{ stream hub.Stream }

func (c *connection) Queued(st *hub.Stream, _ int) { fmt.Printf("%s", st.Pop(nil, 16<<10)) }
func (c *connection) Blocked(*hub.Stream) bool     { return false }
func (c *connection) Overflow(*hub.Stream)         {}

// A stream subscribes at the shard of its event loop, and gets what is sent to its rooms from then
// on.
func Example() {
	h := hub.New(hub.Options{Epoch: "k3x9"})
	log := memory.New(memory.Options{Last: h.LastID(), Now: time.Now})
	log.Follow(h)
	shard := h.NewShard(func() {})

	c := new(connection)
	c.stream.Owner = c
	shard.Subscribe(time.Now(), &c.stream, hub.Subscription{Rooms: []string{"room624"}})

	for _, room := range []string{"room1", "room624"} {
		draft, err := eventlog.NewDraft(eventlog.Message{
			To:    []names.Target{{Kind: names.Room, Name: room}},
			Event: sse.Event{Data: "hello, " + room},
		})
		if err == nil {
			_, err = log.Append(context.Background(), draft)
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	for shard.Deliver(1000, 64<<10) {
	}
	// Output:
	// id: k3x9-2
	// data: hello, room624
}
