package harness

import (
	"fmt"
)

// TheEnd is the last message; every client reads up to it.
const TheEnd = "the end"

// RoomName returns the name of room n.
func RoomName(n int) string { return fmt.Sprintf("room%02d", n) }
