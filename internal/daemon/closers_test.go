package daemon

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatHangsAtTheEndIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c closers
		disk := make(chan struct{})
		var done []string
		c.add(func() { done = append(done, "first opened") })
		c.add(func() { <-disk })
		c.addWithin(time.Second, func() { <-disk })
		c.add(func() { done = append(done, "last opened") })
		began := time.Now()
		c.run()
		c.run() // has nothing left to do
		if took := time.Since(began); took != cleanupTimeout+time.Second || strings.Join(done, ", ") != "last opened, first opened" {
			t.Errorf("after %s: %q", took, done)
		}
		close(disk)
	})
}
