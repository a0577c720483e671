package sandbox

import (
	"fmt"
	"os"
)

// Sandbox is one that is ready to be entered. It may be made with more rights than it is entered with: the directories
// are then granted that only those could reach, for the day on which they are opened to others.
type Sandbox struct {
	options  Options
	landlock landlock
}

// Prepare makes a sandbox. What the kernel lacks is told by Enter.
func Prepare(o Options) *Sandbox {
	o.kill = o.kill || killsByDefault
	return &Sandbox{o, prepareLandlock(&o)}
}

// Close gives back what Prepare took. A sandbox that was entered stays in force.
func (s *Sandbox) Close() error { return s.landlock.close() }

// Options are those of Prepare.
func (s *Sandbox) Options() Options { return s.options }

// Layers is what is in force. A layer that is not says why.
type Layers struct {
	Landlock    int // the ABI of the kernel; 0: not in force
	LandlockErr error
	Seccomp     int // instructions of the filter; 0: not in force
	SeccompErr  error

	kills bool // a call that is not on the list ends the process
}

// Enter puts every thread into the sandbox. The process must have given up getting new rights before (no_new_privs). A
// layer that the kernel does not have is left out, and the answer says so.
func (s *Sandbox) Enter() Layers {
	var l Layers
	l.Landlock, l.LandlockErr = s.landlock.enter()
	program := compile(callPolicy(&s.options, os.Getpid()))
	if err := seccompFilter(program); err != nil {
		l.SeccompErr = fmt.Errorf("install the seccomp filter: %w", err)
		return l
	}
	l.Seccomp, l.kills = len(program), s.options.kill
	return l
}
