// Package listen opens the sockets and pipes that commands arrive on: Unix sockets, TCP, FIFOs, and
// sockets that another process has opened. No other user can replace what it makes.
package listen
