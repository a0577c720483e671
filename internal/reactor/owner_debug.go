//go:build reactordebug

package reactor

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
)

// owner knows the goroutine that a loop runs on. While the loop does not run
// (before Run, between two Turns of a test, after the end) nobody owns it and
// every goroutine passes.
type owner struct {
	goroutine atomic.Uint64 // 0: nobody
}

// take makes the calling goroutine the owner. It reports whether it was not
// before, in which case the caller has to release.
func (o *owner) take() bool {
	self := goroutineID()
	switch {
	case o.goroutine.CompareAndSwap(0, self):
		return true
	case o.goroutine.Load() == self:
		return false
	default:
		panic(fmt.Sprintf("reactor: internal error: loop of goroutine %d run on goroutine %d", o.goroutine.Load(), self))
	}
}

func (o *owner) release() { o.goroutine.Store(0) }

// check panics when the loop runs on another goroutine than the calling one.
func (o *owner) check() {
	if id := o.goroutine.Load(); id != 0 && id != goroutineID() {
		panic(fmt.Sprintf("reactor: internal error: method of the loop of goroutine %d called on goroutine %d", id, goroutineID()))
	}
}

// goroutineID reads the number that the runtime prints in the first line of a
// stack trace, "goroutine 7 [running]:". There is no other way to it.
func goroutineID() uint64 {
	var buf [64]byte
	line := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(line, []byte(" "))
	id, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		panic("reactor: internal error: unreadable stack trace: " + err.Error())
	}
	return id
}
