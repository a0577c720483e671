// Package systemd speaks with the service manager: it takes the sockets that the manager hands over
// (sd_listen_fds(3)) and tells it how the service is doing (sd_notify(3)).
//
// Both are small protocols of environment variables and datagrams, and need no library. Without a service manager
// there is nothing to take, and a nil [Notifier] tells nobody.
package systemd
