// Package admission decides which connections to admit: how many connections and handshakes a
// network may have, how often it may start one, and how long it is kept out after abuse.
//
// The package does no I/O and reads no clock. A decision costs the same however many networks there
// are, and all state is bounded.
package admission
