package sandbox

import (
	"fmt"
	"os"
)

// Sandbox is a sandbox that is ready to be entered. The process may prepare it with more rights
// than it has when it enters. Then the sandbox also grants directories that only those rights
// reach, in case they become accessible later.
type Sandbox struct {
	options  Options
	landlock landlock
}

// Prepare returns a sandbox. Enter reports what the kernel lacks.
func Prepare(o Options) *Sandbox {
	o.kill = o.kill || killsByDefault
	return &Sandbox{o, prepareLandlock(&o)}
}

// Close releases the resources of Prepare. A sandbox that was entered remains effective.
func (s *Sandbox) Close() error { return s.landlock.close() }

// Options returns the options of Prepare.
func (s *Sandbox) Options() Options { return s.options }

// Layers are the active layers, and why others are not active.
type Layers struct {
	Landlock    int // the ABI of the kernel; 0: not active
	LandlockErr error
	Seccomp     int // instructions of the filter; 0: not active
	SeccompErr  error

	kills bool // a call that is not on the list ends the process
}

// Enter puts every thread into the sandbox. The process must have set no_new_privs before. Enter
// skips a layer that the kernel lacks, and reports it in the result.
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
