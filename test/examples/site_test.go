package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// example is a copy of an example, in which its commands run.
type example struct {
	t   *testing.T
	dir string
	*harness.Daemon
	site string // URL of its pages
}

// prepare copies an example to a directory of the test, as a user who tries it would.
func prepare(t *testing.T, name string) *example {
	t.Helper()
	e := &example{t: t, dir: filepath.Join(t.TempDir(), name)}
	if err := os.CopyFS(e.dir, os.DirFS("../../examples/"+name)); err != nil {
		t.Fatal(err)
	}
	e.site = "http://" + harness.FreeAddress(t)
	return e
}

// readme returns the lines of the commands in the example's README that begin with a program's name, without comments.
func (e *example) readme(program string) (lines []string) {
	e.t.Helper()
	text := harness.ReadFile(e.t, filepath.Join(e.dir, "README.md"))
	_, block, _ := strings.Cut(string(text), "```sh\n")
	block, _, _ = strings.Cut(block, "```")
	comment := regexp.MustCompile(`\s+#.*`)
	for line := range strings.Lines(block) {
		if line = comment.ReplaceAllString(strings.TrimSpace(line), ""); strings.HasPrefix(line, program+" ") {
			lines = append(lines, strings.TrimSpace(strings.TrimSuffix(line, "&")))
		}
	}
	if len(lines) == 0 {
		e.t.Fatalf("the README has no command %s", program)
	}
	return lines
}

// start runs the daemon with the flags of the README, but at addresses and paths of the test.
func (e *example) start() {
	e.t.Helper()
	args := strings.Fields(e.readme("hassesd")[0])[1:]
	if at := slices.Index(args, "--listen"); at >= 0 {
		args = slices.Delete(args, at, at+2)
	}
	d := harness.Bare(e.t)
	d.Dir, d.Env = e.dir, []string{"PWD=" + e.dir} // as a shell does
	d.Args = append(args, "--listen", "http://"+d.HTTP, "--control-tcp", d.TCP, "--control-socket", d.Socket, "--fifo", d.FIFO, "--api-listen", "",
		"--drain-window", "200ms", "--cors-origin", e.site)
	d.Run()
	e.Daemon = d
}

// serve runs PHP's web server for the example's pages.
func (e *example) serve(env ...string) {
	e.t.Helper()
	args := strings.Fields(e.readme("php -S")[0])[1:]
	address := strings.TrimPrefix(e.site, "http://")
	args[1] = address
	args[3] = filepath.Join(e.dir, strings.TrimPrefix(args[3], "examples/"+filepath.Base(e.dir)))
	harness.Launch(e.t, append(e.variables(), env...), harness.Tool(e.t, "php"), append([]string{"-d", "session.save_path=" + e.t.TempDir()}, args...)...)
	listens(e.t, address)
}

// stream is the URL of the daemon's streams.
func (e *example) stream() string { return "http://" + e.HTTP + "/sse" }

// shell runs a line of the README in the example's directory.
func (e *example) shell(line string, env ...string) harness.Result {
	e.t.Helper()
	args := append([]string{"-C", e.dir}, e.variables()...)
	return harness.Run(e.t, "", "env", append(append(args, env...), "sh", "-c", line)...)
}

// variables let the programs of the example find the daemon, and hassesctl.
func (e *example) variables() []string {
	return []string{
		"PATH=" + filepath.Dir(harness.Hassesctl) + ":" + os.Getenv("PATH"),
		"HASSESD_STREAM=" + e.stream(), "HASSESD_CONTROL=" + e.TCP, "HASSESCTL_SOCKET=" + e.Socket,
	}
}
