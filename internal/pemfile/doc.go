// Package pemfile reads PEM files strictly: whatever begins like a block and cannot be read is an error with its line.
//
// encoding/pem skips what it does not understand, so a damaged certificate in the middle of a chain is dropped without a
// word. Here a text gives all of its blocks or an error. Text between blocks is allowed, CRLF as well as LF.
package pemfile
