// Package pemfile reads PEM files strictly: anything that looks like a block and cannot be read is
// an error with its line.
//
// encoding/pem skips what it does not understand, so it silently drops a damaged certificate in the
// middle of a chain. This package returns all blocks of a text or an error. It accepts text between
// blocks, and both CRLF and LF.
package pemfile
