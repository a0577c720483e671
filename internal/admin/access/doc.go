// Package access decides who may do what over the control protocol: by certificate, by user and
// group of this machine, by key, and by the endpoint that a connection came in by. It asks no
// clock.
package access
