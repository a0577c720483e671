package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

// writeCopyright writes our own licence, and then those of the modules that are linked into our
// binaries: their terms require a copy wherever the code goes. dirOf returns the directory of a
// module's source.
func writeCopyright(out io.Writer, own []byte, modules []*debug.Module, dirOf func(module string) (string, error)) error {
	var b bytes.Buffer
	b.WriteString("hassesd, https://github.com/hassesd/hassesd\n\n")
	b.Write(bytes.TrimSpace(own))
	b.WriteString("\n\nThe programs are linked statically, so they contain the following as well.\n")
	std := &debug.Module{Path: "std"}
	for _, m := range append([]*debug.Module{std}, modules...) {
		dir, err := dirOf(m.Path)
		if err != nil {
			return err
		}
		texts, err := licences(dir)
		if err != nil {
			return err
		}
		if len(texts) == 0 {
			return fmt.Errorf("%s has no licence", m.Path)
		}
		name := m.Path + " " + m.Version
		if m == std {
			name = "Go and its standard library"
		}
		fmt.Fprintf(&b, "\n%s\n%s\n", name, strings.Repeat("-", len(name)))
		for _, text := range texts {
			b.WriteString("\n" + strings.TrimSpace(text) + "\n")
		}
	}
	_, err := out.Write(b.Bytes())
	return err
}

// licences returns the text of a module's licence files, by their usual names.
func licences(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, e := range entries { // in the order of their names
		base, _, _ := strings.Cut(strings.ToUpper(e.Name()), ".")
		if !e.Type().IsRegular() || !slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"}, base) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

// moduleDir returns the directory of a module's source; "std" is the standard library.
func moduleDir(module string) (string, error) {
	args := []string{"list", "-m", "-f", "{{.Dir}}", module}
	if module == "std" {
		args = []string{"env", "GOROOT"}
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("find the source of %s: %w", module, err)
	}
	return strings.TrimSpace(string(out)), nil
}
