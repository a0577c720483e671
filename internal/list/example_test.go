package list_test

import (
	"fmt"

	"github.com/hassesd/hassesd/internal/list"
)

type task struct {
	name string
	node list.Node[task] // in the list of waiting tasks
}

func ExampleList() {
	var waiting list.List[task]
	first, second, third := &task{name: "first"}, &task{name: "second"}, &task{name: "third"}
	waiting.Push(&second.node, second)
	waiting.Push(&third.node, third)
	waiting.PushFirst(&first.node, first)
	waiting.Remove(&second.node)
	for t := range waiting.All() {
		fmt.Println(t.name)
	}
	fmt.Println(waiting.Len())
	// Output:
	// first
	// third
	// 2
}
