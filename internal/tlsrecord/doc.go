// Package tlsrecord protects the records of TLS 1.3 connections after their handshake (RFC 8446
// section 5), with nothing more of a connection than its keys. It does no I/O, starts no goroutine
// and reads no clock.
//
// A [Keyring] holds the keys of many connections, and is the only one who uses them: it seals and
// opens records, follows and makes key updates (section 4.6.3), and judges what a client sends. The
// rules that keep a nonce from being used twice are all in keys.go:
//
//   - There is one function that seals. It counts the record before it makes it.
//   - Key, IV and number change in one function, and get another name with it.
//   - Keys are used where they lie. No function returns or copies them.
//
// The caller of Seal must keep the bytes that a socket does not take: they cannot be made again.
package tlsrecord
