// Package keymem gets memory for keys from the kernel: zeroed, outside the heap, and in no core dump.
package keymem

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Map returns zeroed memory of whole pages that a core dump omits (MADV_DONTDUMP, madvise(2)). It is
// never given back. The error is the kernel's.
func Map(bytes int) ([]byte, error) {
	p, err := unix.Mmap(-1, 0, bytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("map memory for keys: %w", err)
	}
	if err := unix.Madvise(p, unix.MADV_DONTDUMP); err != nil {
		_ = unix.Munmap(p)
		return nil, fmt.Errorf("keep keys out of core dumps: %w", err)
	}
	return p, nil
}
