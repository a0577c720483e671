// Package supervise is the daemon's side of a service manager such as systemd: it takes the sockets
// that the manager hands over, tells it when the daemon is ready, reloads or stops, shows a status
// line, and pings the watchdog while every event loop turns. Without a service manager it does
// nothing.
package supervise
