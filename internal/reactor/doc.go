// Package reactor waits for descriptors, deadlines and posted functions and
// calls handlers; it knows no protocol.
//
// A [Loop] is one goroutine around one epoll descriptor. Everything that is
// embedded in a connection ([Source], [Timer]) belongs to its loop and is used
// on the loop's goroutine only; other goroutines come in through [Loop.Post].
// Builds with the tag reactordebug panic when that rule is broken.
//
// One turn of a loop: wait, read the clock, run posted functions (a bounded
// batch), deliver descriptor events, call the sources that asked for
// [Source.Again], fire timers (a bounded batch), call the end-of-turn hook, and
// at last close the descriptors whose sources were closed during the turn. A
// descriptor number is therefore never used again inside the turn that gave it
// up, and an event that outlived its source is recognised by its generation
// and dropped.
//
// What the package needs of the kernel is the interface [Poller]; package
// reactortest has one in memory.
package reactor
