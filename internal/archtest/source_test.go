package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// allowedHTTP is what a subscriber's path may take from net/http: reading, and names of the standard.
var allowedHTTP = []string{"ReadRequest", "Request", "Header", "StatusText", "TimeFormat", "ParseTime", "CanonicalHeaderKey"}

// TestPureCoreHasNoGoroutineAndNoClock proves what an import cannot show.
func TestPureCoreHasNoGoroutineAndNoClock(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"../names", "../safetext", "../sse", "../hub", "../auth", "../edge/exchange", "../edge/http1", "../edge/site", "../edge/subscriber", "../edge/scheduler"} {
		for _, file := range sources(t, dir) {
			tree := parse(t, file)
			ast.Inspect(tree, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt:
					t.Errorf("%s starts a goroutine: the pure core starts none", file)
				case *ast.SelectorExpr:
					if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "time" && clock[n.Sel.Name] {
						t.Errorf("%s asks time.%s: time is an argument", file, n.Sel.Name)
					}
				}
				return true
			})
		}
	}
}

// lenient are the functions of the standard library that skip PEM blocks which they cannot read.
var lenient = map[string]bool{
	"pem.Decode": true, "AppendCertsFromPEM": true, "tls.X509KeyPair": true, "tls.LoadX509KeyPair": true,
}

// TestPEMIsReadByPemfileAlone proves that no damaged block is dropped in silence anywhere.
func TestPEMIsReadByPemfileAlone(t *testing.T) {
	t.Parallel()
	found := false
	for _, top := range []string{"../../internal", "../../cmd"} {
		err := filepath.WalkDir(top, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "test/") {
				return err
			}
			ast.Inspect(parse(t, path), func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				name := sel.Sel.Name
				if pkg, ok := sel.X.(*ast.Ident); ok && !lenient[name] {
					name = pkg.Name + "." + name
				}
				switch {
				case !lenient[name]:
				case strings.Contains(path, "internal/pemfile/"):
					found = true
				default:
					t.Errorf("%s calls %s, which skips what it cannot read; use pemfile", path, name)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !found {
		t.Error("not even pemfile reads PEM: the test looks for the wrong names")
	}
}

var clock = map[string]bool{
	"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true, "Tick": true,
	"NewTimer": true, "NewTicker": true,
}

// sources lists the non-test Go files of dir.
func sources(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// httpUses lists the names that file takes from net/http, status and method constants left out.
func httpUses(t *testing.T, file string) []string {
	t.Helper()
	tree := parse(t, file)
	name := ""
	for _, imp := range tree.Imports {
		if imp.Path.Value == `"net/http"` {
			name = "http"
			if imp.Name != nil {
				name = imp.Name.Name
			}
		}
	}
	if name == "" {
		return nil
	}
	var uses []string
	ast.Inspect(tree, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == name &&
			!strings.HasPrefix(sel.Sel.Name, "Status") && !strings.HasPrefix(sel.Sel.Name, "Method") {
			uses = append(uses, sel.Sel.Name)
		}
		return true
	})
	return uses
}
