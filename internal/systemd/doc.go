// Package systemd talks to the service manager: it inherits sockets from it (sd_listen_fds(3)) and
// reports the state of the service to it (sd_notify(3)).
//
// Both are small protocols of environment variables and datagrams, and need no library. Without a
// service manager, there is nothing to inherit, and a nil [Notifier] does nothing.
package systemd
