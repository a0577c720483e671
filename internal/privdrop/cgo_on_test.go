//go:build cgo

package privdrop

// isCgo: libcap calls all threads, and looks for them in /proc, which a bare chroot does not have.
const isCgo = true
