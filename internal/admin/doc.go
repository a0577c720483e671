// Package admin holds no code: the packages below it are the control protocol, which docs/control-protocol.md describes.
//
//   - api: the protocol's types and constants, shared by both sides
//   - client: the caller's side
//   - server: the daemon's side: connections, their order and their bounds
//   - access: who may do what
//   - classic, jsonrpc: the two forms of the protocol, without I/O
//   - lines: cuts streams into commands
package admin
