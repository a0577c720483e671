// Package reactor waits for descriptors, deadlines and posted functions, and calls handlers. It
// knows no protocol.
//
// A [Loop] is one goroutine around one epoll descriptor. A [Source] or [Timer], which a connection
// embeds, belongs to its loop and is used on the loop's goroutine only. Other goroutines use
// [Loop.Post]. Builds with the tag reactordebug panic when code breaks this rule.
//
// One turn of a loop: wait, read the clock, run posted functions (a bounded batch), deliver
// descriptor events, call the sources that asked for [Source.Again], fire timers (a bounded batch),
// call the end-of-turn hook, and finally close the descriptors whose sources were closed during the
// turn. So the kernel does not reuse a descriptor number within the turn that closed it. The loop
// recognises an event that outlived its source by its generation, and drops it.
//
// The interface [Poller] is what the package needs of the kernel. Package reactortest implements it
// in memory.
package reactor
