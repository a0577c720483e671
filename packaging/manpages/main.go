// Command manpages writes hassesd(8), hassesd.toml(5) and hassesctl(1) from the registry of settings
// and the help of hassesctl.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "manpages: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return errors.New("usage: manpages HASSESCTL VERSION DATE DIRECTORY")
	}
	hassesctl, e, dir := args[0], edition{version: args[1], date: args[2]}, args[3]
	ctl, err := ctlPage(e, func(command string) (string, error) {
		out, err := exec.Command(hassesctl, strings.Fields(command+" --help")...).Output()
		if err != nil {
			return "", fmt.Errorf("ask hassesctl for its help: %w", err)
		}
		return string(out), nil
	})
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"hassesctl.1": ctl, "hassesd.toml.5": filePage(e), "hassesd.8": daemonPage(e)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
