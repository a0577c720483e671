package listen

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// Inherit returns a listener for a listening socket that another process has made. It duplicates
// fd, which stays the caller's.
func Inherit[L net.Listener](fd int) (L, error) {
	var none L
	listening, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil {
		return none, os.NewSyscallError("getsockopt SO_ACCEPTCONN", err)
	}
	if listening == 0 {
		return none, errors.New("it does not listen")
	}
	own, err := syscall.Dup(fd)
	if err != nil {
		return none, os.NewSyscallError("dup", err)
	}
	syscall.CloseOnExec(own)
	f := os.NewFile(uintptr(own), "")
	defer f.Close() // FileListener duplicates it again
	l, err := net.FileListener(f)
	if err != nil {
		return none, err
	}
	of, ok := l.(L)
	if !ok {
		_ = l.Close()
		return none, fmt.Errorf("it is a socket of the kind %s", l.Addr().Network())
	}
	return of, nil
}
