// Package threadstest gives tests threads that are there before something happens to all of them.
package threadstest

import (
	"runtime"
	"sync"
)

// Hold keeps n threads busy with a goroutine each until release is called.
func Hold(n int) (release func()) {
	var ready, done sync.WaitGroup
	stop := make(chan struct{})
	for range n {
		ready.Add(1)
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-stop
		})
	}
	ready.Wait()
	return func() {
		close(stop)
		done.Wait()
	}
}
