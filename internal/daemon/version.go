package daemon

import (
	"runtime"
	"runtime/debug"
)

// version is set by the build: -ldflags "-X github.com/hassesd/hassesd/internal/daemon.version=1.2.3".
var version = ""

// Version is the version of the binary: the one that the build was told, or what the Go toolchain knows.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "0.1.0-dev"
}

// Compiled says what made the binary.
func Compiled() string { return runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH }
