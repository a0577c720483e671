// Package api is the JSON form of the control protocol as types and constants: methods, parameters,
// results, roles, error codes and bounds. The daemon and hassesctl share it.
// docs/control-protocol.md describes the protocol.
package api
