// Package runtimetest gives the tests of a package a runtime directory of their own.
package runtimetest

import "os"

// Own points XDG_RUNTIME_DIR, for this process and those it starts, at a new directory that nobody else may enter, until
// remove is called. In development mode the daemon and hassesctl meet in that directory: without Own a test would
// find the daemon that the developer has running beside it, or be in its way. It is for TestMain, and panics when there
// can be no directory.
func Own() (remove func()) {
	dir, err := os.MkdirTemp("", "hassesd-runtime-")
	if err != nil {
		panic("runtimetest: " + err.Error())
	}
	if err := os.Setenv("XDG_RUNTIME_DIR", dir); err != nil {
		panic("runtimetest: " + err.Error())
	}
	return func() { _ = os.RemoveAll(dir) }
}
