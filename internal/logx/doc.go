// Package logx builds the daemon's logger: one of several formats, a level that can change at run
// time, a file that can be rotated, and values in printable ASCII only.
//
// Every message, key and value goes through [safetext.ASCII], whatever the format. Messages are
// constants by the rules of this project, so only values matter in practice, but a message is no
// hole either.
package logx
