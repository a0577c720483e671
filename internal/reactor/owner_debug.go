//go:build reactordebug

package reactor

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
)

// owner records the goroutine that a loop runs on. While the loop does not run (before Run, between
// two calls of Turn, after its end), it has no owner and every goroutine may use it.
type owner struct {
	goroutine atomic.Uint64 // 0: no owner
}

// take makes the calling goroutine the owner. It reports whether ownership is new, in which case
// the caller must release it.
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

// check panics if the loop runs on a goroutine other than the calling one.
func (o *owner) check() {
	if id := o.goroutine.Load(); id != 0 && id != goroutineID() {
		panic(fmt.Sprintf("reactor: internal error: method of the loop of goroutine %d called on goroutine %d", id, goroutineID()))
	}
}

// goroutineID returns the number in the first line of a stack trace, "goroutine 7 [running]:". The
// runtime offers no other way to read it.
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
