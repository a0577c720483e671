package archtest

import (
	"go/ast"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// retired are words that docs/glossary.md has replaced, because they meant several things, or not what an engineer would
// guess. No name in the code has them as a word of its own, and no page uses them. Strings are free to: those that users
// see (JSON keys, counters, log keys) stay as they are.
var retired = []string{
	"bury", "charter", "commend", "complain", "complaint", "crew", "deaf", "doomed", "farewell", "guest", "guests",
	"herd", "kindly", "muster", "newcomer", "newcomers", "offence", "offences", "offend", "party", "pulse", "shaking", "standing",
	"stopgap", "stranger", "strangers", "turnstile",
}

// stillUsing are the directories whose code, with all below them, still uses some of the retired words. The list only ever
// gets shorter; the test logs what nobody needs any more.
var stillUsing = map[string][]string{
	"internal/admin": {"offences"}, // a JSON key
}

// pagesStillUsing are the pages that still use some of them, outside of code.
var pagesStillUsing = map[string][]string{}

var (
	codeSpan  = regexp.MustCompile("`[^`\n]*`")
	linkedTo  = regexp.MustCompile(`\]\([^)]*\)`)
	wordBreak = regexp.MustCompile(`[^A-Za-z]+`)
)

// TestRetiredWordsStayOutOfCode looks at every name that the code declares, but for those of tests, which are sentences.
func TestRetiredWordsStayOutOfCode(t *testing.T) {
	t.Parallel()
	used := make(map[string][]string) // of each directory
	files := 0
	err := filepath.WalkDir("../..", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata" || file != "../.." && strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		case !strings.HasSuffix(file, ".go"):
			return nil
		}
		files++
		dir := strings.TrimPrefix(path.Dir(filepath.ToSlash(file)), "../../")
		for _, name := range declared(parse(t, file)) {
			for _, word := range words(name) {
				if !slices.Contains(retired, word) {
					continue
				}
				top := exempted(dir)
				if !slices.Contains(used[top], word) {
					used[top] = append(used[top], word)
				}
				if !slices.Contains(stillUsing[top], word) {
					t.Errorf("%s declares %s: %q is retired, see docs/glossary.md", file, name, word)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 300 {
		t.Errorf("only %d files were looked at", files)
	}
	logUnused(t, "stillUsing", stillUsing, used)
}

// exempted returns the directory of stillUsing in which dir is, or dir.
func exempted(dir string) string {
	for top := range stillUsing {
		if dir == top || strings.HasPrefix(dir, top+"/") {
			return top
		}
	}
	return dir
}

// TestRetiredWordsStayOutOfPages looks at the prose of the pages.
func TestRetiredWordsStayOutOfPages(t *testing.T) {
	t.Parallel()
	used := make(map[string][]string)
	for _, page := range pages(t) {
		name := strings.TrimPrefix(filepath.ToSlash(page), "../../")
		if name == "docs/glossary.md" {
			continue // it lists them
		}
		text := fencedBlock.ReplaceAllString(readText(t, page), "")
		text = linkedTo.ReplaceAllString(codeSpan.ReplaceAllString(text, ""), "]")
		for _, word := range wordBreak.Split(strings.ToLower(text), -1) {
			if !slices.Contains(retired, word) || slices.Contains(used[name], word) {
				continue
			}
			used[name] = append(used[name], word)
			if !slices.Contains(pagesStillUsing[name], word) {
				t.Errorf("%s uses %q, which is retired, see docs/glossary.md", name, word)
			}
		}
	}
	logUnused(t, "pagesStillUsing", pagesStillUsing, used)
}

// logUnused logs the exemptions of a list that nobody needs any more.
func logUnused(t *testing.T, list string, exempt, used map[string][]string) {
	t.Helper()
	for place, words := range exempt {
		for _, word := range words {
			if !slices.Contains(used[place], word) {
				t.Logf("%s does not use %q any more: take it out of %s", place, word, list)
			}
		}
	}
}

// TestWordsOfNames proves that a retired word is found wherever it stands in a name.
func TestWordsOfNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"stranger":          {"stranger"},
		"evictStranger":     {"evict", "stranger"},
		"doorTLS":           {"door", "tls"},
		"TLSDoor":           {"tls", "door"},
		"StrangersTakeNone": {"strangers", "take", "none"},
		"indoors_test":      {"indoors", "test"},
		"t28Doors":          {"t", "doors"},
	} {
		if got := words(name); !slices.Equal(got, want) {
			t.Errorf("words(%q) = %q, want %q", name, got, want)
		}
	}
}

// words cuts a name into its words, in lower case: doorTLS is door and tls.
func words(name string) []string {
	var found []string
	runes := []rune(name)
	begin := 0
	cut := func(end int) {
		if end > begin {
			found = append(found, strings.ToLower(string(runes[begin:end])))
		}
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			cut(i)
			begin = i + 1
		case i > begin && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			cut(i)
			begin = i
		}
	}
	cut(len(runes))
	return found
}

// declared returns the names that a file declares: its own and those of its types, functions, fields and variables.
func declared(tree *ast.File) []string {
	names := []string{tree.Name.Name}
	add := func(idents ...*ast.Ident) {
		for _, id := range idents {
			names = append(names, id.Name)
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv != nil || !isTestFunction(n.Name.Name) {
				add(n.Name)
			}
		case *ast.TypeSpec:
			add(n.Name)
		case *ast.ValueSpec:
			add(n.Names...)
		case *ast.Field:
			add(n.Names...)
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if id, ok := left.(*ast.Ident); ok && n.Tok.String() == ":=" {
					add(id)
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok {
					add(id)
				}
			}
		}
		return true
	})
	return names
}

func isTestFunction(name string) bool {
	for _, prefix := range []string{"Test", "Fuzz", "Benchmark", "Example"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
