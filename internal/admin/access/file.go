package access

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxAccessFile bounds what is read of a certificate or key file.
const maxAccessFile = 1 << 20

// readAccessFile returns the text and the mode of a regular file of bounded length.
func readAccessFile(path string) ([]byte, os.FileMode, error) {
	f, err := openAccessFile(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is not a regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxAccessFile+1))
	if err != nil {
		return nil, 0, err
	}
	if len(text) > maxAccessFile {
		return nil, 0, fmt.Errorf("%s is longer than %d bytes", path, maxAccessFile)
	}
	return text, info.Mode(), nil
}

// openAccessFile opens a file for reading, without waiting for the other end of a FIFO.
func openAccessFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
}
