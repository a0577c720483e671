// Command contents writes an SBOM of our binaries in CycloneDX, or the licences of the modules in them.
package main

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

const usage = "usage: contents sbom VERSION SOURCE_DATE_EPOCH BINARY, or contents copyright LICENSE BINARY; there may be several of BINARY"

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "contents: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	switch {
	case len(args) > 3 && args[0] == "sbom":
		epoch, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil {
			return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		programs, err := readPrograms(args[3:])
		if err != nil {
			return err
		}
		return writeSBOM(out, args[1], time.Unix(epoch, 0).UTC(), programs)
	case len(args) > 2 && args[0] == "copyright":
		programs, err := readPrograms(args[2:])
		if err != nil {
			return err
		}
		own, err := os.ReadFile(args[1])
		if err != nil {
			return err
		}
		return writeCopyright(out, own, modules(programs), moduleDir)
	}
	return errors.New(usage)
}

func readPrograms(paths []string) ([]*buildinfo.BuildInfo, error) {
	var programs []*buildinfo.BuildInfo
	for _, path := range paths {
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read what %s is made of: %w", path, err)
		}
		programs = append(programs, info)
	}
	return programs, nil
}
