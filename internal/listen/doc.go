// Package listen opens the sockets and pipes that commands come in by: Unix sockets, TCP, FIFOs, and sockets that another
// process has opened. It makes them so that nobody can put others in their place.
package listen
