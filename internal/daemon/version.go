package daemon

import (
	"runtime"
	"runtime/debug"
)

// version is set by the build: -ldflags "-X
// github.com/hassesd/hassesd/internal/daemon.version=1.2.3".
var version = ""

// Version returns the version of the binary: the one that the build has set, or the one that the Go
// toolchain knows.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "0.1.0-dev"
}

// Compiled returns the compiler and the platform of the binary.
func Compiled() string { return runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH }
