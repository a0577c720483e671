package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// pkg is one package as it was read.
type pkg struct {
	path    string // without the module
	lines   int
	graph   graph
	structs []structure
}

// structure is the size of one struct type.
type structure struct {
	name            string // package.Type
	methods, fields int
	files           int // that hold its methods
}

// listed is what go list prints of a package.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
	DepOnly                 bool
	Module                  *struct{ Path string }
}

// load reads the packages of the module in dir that match the patterns.
func load(dir string, patterns ...string) ([]*pkg, error) {
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles,DepOnly,Module"}, patterns...)...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	exports := map[string]string{}
	var wanted []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		exports[l.ImportPath] = l.Export
		if !l.DepOnly {
			wanted = append(wanted, l)
		}
	}
	set := token.NewFileSet()
	imports := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	var packages []*pkg
	for _, l := range wanted {
		p, err := read(set, imports, l)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.ImportPath, err)
		}
		packages = append(packages, p)
	}
	return packages, nil
}

func read(set *token.FileSet, imports types.Importer, l listed) (*pkg, error) {
	path := l.ImportPath
	if l.Module != nil {
		path = path[min(len(path), len(l.Module.Path)+1):]
	}
	p := &pkg{path: path, graph: graph{}}
	var files []*ast.File
	for _, name := range l.GoFiles {
		source, err := os.ReadFile(filepath.Join(l.Dir, name))
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if ast.IsGenerated(f) {
			continue
		}
		p.lines += bytes.Count(source, []byte("\n"))
		p.graph[name] = map[string]bool{}
		files = append(files, f)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
	checked, err := (&types.Config{Importer: imports}).Check(l.ImportPath, set, files, info)
	if err != nil {
		return nil, err
	}
	file := func(pos token.Pos) string { return set.Position(pos).Filename }
	for use, object := range info.Uses {
		if object.Pkg() != checked || !isOfPackage(checked, object) {
			continue
		}
		if from, to := file(use.Pos()), file(object.Pos()); from != to {
			p.graph[from][to] = true
		}
	}
	p.structs = structures(checked, file)
	return p, nil
}

// isOfPackage reports whether other files can name the object: package-level ones, methods and fields.
func isOfPackage(p *types.Package, o types.Object) bool {
	switch o := o.(type) {
	case *types.Var:
		return o.IsField() || o.Parent() == p.Scope()
	case *types.Func:
		return true
	default:
		return o.Parent() == p.Scope()
	}
}

func structures(p *types.Package, file func(token.Pos) string) []structure {
	var all []structure
	for _, name := range p.Scope().Names() {
		typeName, ok := p.Scope().Lookup(name).(*types.TypeName)
		if !ok {
			continue
		}
		named, ok := typeName.Type().(*types.Named)
		if !ok {
			continue
		}
		body, ok := named.Underlying().(*types.Struct)
		if !ok {
			continue
		}
		var files []string
		for m := range named.Methods() {
			if f := file(m.Pos()); !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
		all = append(all, structure{p.Name() + "." + name, named.NumMethods(), body.NumFields(), len(files)})
	}
	return all
}
