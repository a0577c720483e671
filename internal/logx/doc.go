// Package logx builds the daemon's logger: one format, a level that changes while it runs, a file that can
// be rotated, and nothing but printable ASCII in what strangers can put into it.
//
// Every message, key and value goes through [safetext.ASCII], whatever the format. Messages are
// constants by the rules of this project, so only values matter in practice, but a message is no hole either.
package logx
