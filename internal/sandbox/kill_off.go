//go:build !sandboxkill

package sandbox

// killsByDefault is false: a call that is not on the list fails, and the kernel logs it.
const killsByDefault = false
