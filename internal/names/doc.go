// Package names holds the one grammar of the names that clients and publishers use: rooms, client
// ids and targets, with their bounds.
//
// Every place that takes such a name asks this package, so that a room that can be published to can
// be subscribed to, granted and listed. The package does no I/O. A name that is refused gets a
// [*Fault], which states where and why.
package names
