// Hassesctl is the admin CLI of hassesd: it turns its arguments into calls of the control protocol, and the answers
// into tables or JSON. One file holds one command. It is described in docs/hassesctl.md.
package main

import "os"

// version is set by the linker.
var version string

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ()))
}
