// Package admin is the control protocol: its types, the classic grammar of hasses, the JSON-RPC 2.0 form, and
// the doors they come in by. It is described in docs/control-protocol.md.
package admin
