// Package jsonrpc is the JSON form of the control protocol, JSON-RPC 2.0 with one object or array a
// line: it reads requests, decodes their parameters strictly, finds their methods, and writes
// answers. It does no I/O.
package jsonrpc
