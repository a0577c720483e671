package sandbox

import "github.com/hassesd/hassesd/internal/threads"

// Options are what the process will need. View is required. Anything else that is empty is
// forbidden.
type Options struct {
	Grants       []Grant
	ConnectPorts []uint16      // of TCP, at any address; with any, UDP sockets are allowed too, for DNS
	View         *threads.View // remains readable
	Profiles     bool          // the process takes profiles of itself, which need timers

	// For tests.
	kill bool // a call that is not on the list ends the process
}
