// Package daemon builds every part of hassesd, starts and stops them in order, and is what the control protocol acts
// on. The binary and the tests start the very same thing: [Run].
package daemon
