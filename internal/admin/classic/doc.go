// Package classic is the classic form of the control protocol, as hasses had it: the grammar of its
// commands and the layouts of its answers. Scripts parse both byte for byte. The package does no
// I/O.
package classic
