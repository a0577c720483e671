package sse_test

import (
	"fmt"

	"github.com/hassesd/hassesd/internal/sse"
)

// An event is encoded once, and the frame is shared by all streams that it goes to.
func ExampleNewDraft() {
	draft, err := sse.NewDraft(sse.Event{Name: "stock", Data: "first line\r\nsecond line"})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, _ := sse.ParseID("4f1a-7")
	fmt.Printf("%s", draft.Frame(id).Bytes())
	// Output:
	// id: 4f1a-7
	// event: stock
	// data: first line
	// data: second line
}

// A line break cannot forge a field.
func ExampleEvent_Check() {
	fmt.Println(sse.Event{Name: "stock\ndata: forged"}.Check())
	// Output:
	// event contains a line break or a NUL
}
