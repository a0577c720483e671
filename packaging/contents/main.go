// Command contents writes an SBOM of our binaries in CycloneDX, or the licences of the modules in them.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strconv"
	"time"
)

const usage = "usage: contents sbom VERSION SOURCE_DATE_EPOCH BINARY, or contents copyright LICENSE BINARY; there may be several of BINARY, and after --with, modules whose data is shipped beside them"

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "contents: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	args, data, err := splitData(args)
	if err != nil {
		return err
	}
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
		return writeSBOM(out, args[1], time.Unix(epoch, 0).UTC(), programs, data)
	case len(args) > 2 && args[0] == "copyright":
		programs, err := readPrograms(args[2:])
		if err != nil {
			return err
		}
		own, err := os.ReadFile(args[1])
		if err != nil {
			return err
		}
		return writeCopyright(out, own, append(modules(programs), data...), moduleDir)
	}
	return errors.New(usage)
}

// splitData returns the arguments before --with, and the modules after it.
func splitData(args []string) ([]string, []*debug.Module, error) {
	at := slices.Index(args, "--with")
	if at < 0 {
		return args, nil, nil
	}
	var data []*debug.Module
	for _, path := range args[at+1:] {
		text, err := exec.Command("go", "list", "-m", "-json", path).Output()
		if err != nil {
			return nil, nil, fmt.Errorf("find the module %s: %w", path, err)
		}
		m := &debug.Module{}
		if err := json.Unmarshal(text, m); err != nil {
			return nil, nil, fmt.Errorf("find the module %s: %w", path, err)
		}
		data = append(data, m)
	}
	return args[:at], data, nil
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
