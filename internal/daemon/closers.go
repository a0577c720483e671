package daemon

import "time"

const (
	// shutdownTimeout is how long control connections may take to get their last answers.
	shutdownTimeout = 3 * time.Second
	// cleanupTimeout bounds each step of the very end; control connections take the longest.
	cleanupTimeout = shutdownTimeout + 2*time.Second
)

// closers are what the very end has to do, in the opposite order of add.
type closers struct{ steps []closer }

type closer struct {
	limit time.Duration
	do    func()
}

func (c *closers) add(do func()) { c.addWithin(cleanupTimeout, do) }

// addWithin adds a step that may take up to limit.
func (c *closers) addWithin(limit time.Duration, do func()) {
	c.steps = append(c.steps, closer{limit, do})
}

// run takes every step once. A step that hangs is left behind, since the process ends.
func (c *closers) run() {
	for i := len(c.steps) - 1; i >= 0; i-- {
		step := c.steps[i]
		_ = within(step.limit, func() error { step.do(); return nil })
	}
	c.steps = nil
}
