//go:build sandboxkill

package sandbox

// killsByDefault is true: a call that is not on the list ends the process, so that tests notice it.
const killsByDefault = true
