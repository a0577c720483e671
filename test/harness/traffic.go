package harness

import (
	"fmt"
)

// TheEnd is the last message; every client reads up to it.
const TheEnd = "the end"

func RoomName(n int) string { return fmt.Sprintf("room%02d", n) }
