package sandbox

import "github.com/hassesd/hassesd/internal/threads"

// Options are what the process will need. View is needed; the rest may be empty, and is then forbidden.
type Options struct {
	Grants       []Grant
	ConnectPorts []uint16      // of TCP, at any address; with any, UDP sockets can be made for DNS
	View         *threads.View // stays readable

	// For tests.
	kill bool // a call that is not on the list ends the process
}
