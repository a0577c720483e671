// Package admission decides which strangers get in: how many connections and handshakes a network may have, how often it
// may begin one, and how long it stays out after abuse. It does no I/O and asks no clock; each decision costs the same
// however many networks there are, and everything it remembers is bounded.
package admission
