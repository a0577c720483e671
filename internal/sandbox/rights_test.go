package sandbox

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestHandledBy(t *testing.T) {
	const net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	const abstract, signals = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, unix.LANDLOCK_SCOPE_SIGNAL
	for _, tc := range []struct {
		abi, errata int
		want        handled
	}{
		{0, 0, handled{}},
		{1, 0, handled{fs: 0x1fff}},
		{2, 0, handled{fs: 0x3fff}},
		{3, 0, handled{fs: 0x7fff}},
		{4, 0, handled{fs: 0x7fff, net: net}},
		{5, 0, handled{fs: 0xffff, net: net}},
		{6, 0, handled{0xffff, net, abstract}},
		{6, 1, handled{0xffff, net, abstract}}, // another fault was mended
		{6, 2, handled{0xffff, net, abstract | signals}},
		{7, 7, handled{0xffff, net, abstract | signals}},
		{99, 2, handled{0xffff, net, abstract | signals}},
	} {
		if got := handledBy(tc.abi, tc.errata); got != tc.want {
			t.Errorf("ABI %d, errata %b: got %+v, want %+v", tc.abi, tc.errata, got, tc.want)
		}
	}
}

func TestNoUseExecutes(t *testing.T) {
	never := uint64(unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV)
	for use := ReadFile; use <= Store; use++ {
		if got := use.rights(); got == 0 || got&never != 0 {
			t.Errorf("%s gives %#x", use, got)
		}
		writes := uint64(unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE)
		if reads := use == ReadFile || use == ReadSystemFile || use == ReadDir; reads && use.rights()&writes != 0 {
			t.Errorf("%s gives %#x", use, use.rights())
		}
	}
}
