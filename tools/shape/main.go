// Command shape prints figures of how the code is built: for each package the arrows between its files that run back
// up, and the structs with the most methods and fields.
//
//	cd tools && go run ./shape ..
//
// An arrow runs from a file to each other file of its package that defines something it uses. The files are laid out so
// that as few arrows as possible point upwards; those are counted. Two files that use each other cannot be read one after
// the other. Tests and generated files are left out.
package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// largest is how many structs are listed.
const largest = 15

func main() {
	dir := "."
	if len(os.Args) > 1 {
		dir = os.Args[1]
	}
	packages, err := load(dir, "./cmd/...", "./internal/...")
	if err == nil {
		err = report(os.Stdout, packages)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "shape:", err)
		os.Exit(1)
	}
}

func report(out io.Writer, packages []*pkg) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "package\tlines\tfiles\tarrows\tback")
	var lines, files, arrows, back int
	slices.SortFunc(packages, func(a, b *pkg) int { return cmp.Or(cmp.Compare(b.lines, a.lines), strings.Compare(a.path, b.path)) })
	for _, p := range packages {
		up := backArrows(p.graph)
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\n", p.path, p.lines, len(p.graph), p.graph.arrows(), len(up))
		lines, files, arrows, back = lines+p.lines, files+len(p.graph), arrows+p.graph.arrows(), back+len(up)
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t%d\n", lines, files, arrows, back)

	fmt.Fprintln(w, "\t\t\t\t\nstruct\tmethods\tfields\tfiles\t")
	var structs []structure
	for _, p := range packages {
		structs = append(structs, p.structs...)
	}
	slices.SortFunc(structs, func(a, b structure) int {
		return cmp.Or(cmp.Compare(b.methods+b.fields, a.methods+a.fields), strings.Compare(a.name, b.name))
	})
	for _, s := range structs[:min(len(structs), largest)] {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t\n", s.name, s.methods, s.fields, s.files)
	}
	return w.Flush()
}
