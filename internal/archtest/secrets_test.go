package archtest

import (
	"go/ast"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestT39OnlyTheHandoverAsksForSecrets proves that one place in the program sets KeyLogWriter, by which crypto/tls tells
// the secrets of a connection.
func TestT39OnlyTheHandoverAsksForSecrets(t *testing.T) {
	t.Parallel()
	var found []string
	for _, root := range []string{"../../cmd", "../../internal"} {
		err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
				return err
			}
			ast.Inspect(parse(t, file), func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && id.Name == "KeyLogWriter" {
					found = append(found, strings.TrimPrefix(filepath.ToSlash(file), "../../"))
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"internal/tlsconn/conn.go"}; !slices.Equal(found, want) {
		t.Errorf("KeyLogWriter is in %v, want it once in %v", found, want)
	}
}
