// Package daemon composes hassesd of its parts: it starts and stops them in order, reloads them,
// and carries out the commands of the control protocol. The binary and the tests start the very
// same thing: [Run].
package daemon
