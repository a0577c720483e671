package ops

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hassesd/hassesd/test/harness"
)

// units copies the units to a directory of the test, with the path of the binary under test, so
// that systemd-analyze finds it. It returns the directory.
func units(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, pattern := range []string{"*.service", "*.socket"} {
		files, err := filepath.Glob("../../systemd/" + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no units: %v, %v", files, err)
		}
		for _, f := range files {
			harness.WriteFile(t, filepath.Join(dir, filepath.Base(f)), unitText(t, f))
		}
	}
	return dir
}

// dropIn adds an example to a unit as a drop-in.
func dropIn(t *testing.T, dir, unit, example string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, unit+".d"), 0o755); err != nil {
		t.Fatal(err)
	}
	harness.WriteFile(t, filepath.Join(dir, unit+".d", example), unitText(t, "../../examples/systemd/"+example))
}

func unitText(t *testing.T, path string) []byte {
	t.Helper()
	text := harness.ReadFile(t, path)
	return []byte(strings.ReplaceAll(string(text), "/usr/bin/hassesd", harness.Hassesd))
}

func TestUnitsAreSound(t *testing.T) {
	t.Parallel()
	analyze := harness.Tool(t, "systemd-analyze")
	for name, prepare := range map[string]func(dir string){
		"as they are":   func(string) {},
		"start as root": func(dir string) { dropIn(t, dir, "hassesd.service", "start-as-root.conf") },
		"credentials":   func(dir string) { dropIn(t, dir, "hassesd.service", "credentials.conf") },
		"no network":    func(dir string) { dropIn(t, dir, "hassesd-socket.service", "no-network.conf") },
	} {
		dir := units(t)
		prepare(dir)
		args := []string{"verify", "--man=no"} // the pages are a matter of the package
		for _, unit := range []string{"hassesd.service", "hassesd-socket.service", "hassesd.socket", "hassesd-control.socket"} {
			args = append(args, filepath.Join(dir, unit))
		}
		if r := harness.Run(t, "", analyze, args...); r.Code != 0 || r.Stdout+r.Stderr != "" {
			t.Errorf("%s: %s", name, r)
		}
	}
}

// TestUnitsAreHardened holds the score of systemd-analyze security, from 0 to 10, as low as it
// goes.
func TestUnitsAreHardened(t *testing.T) {
	t.Parallel()
	analyze := harness.Tool(t, "systemd-analyze")
	for _, tc := range []struct{ unit, example, threshold string }{
		{"hassesd.service", "", "16"}, // tenths
		{"hassesd-socket.service", "", "11"},
		{"hassesd-socket.service", "no-network.conf", "6"},
		{"hassesd.service", "start-as-root.conf", "25"},
	} {
		dir := units(t)
		if tc.example != "" {
			dropIn(t, dir, tc.unit, tc.example)
		}
		r := harness.Run(t, "", analyze, "security", "--offline=true", "--no-pager", "--threshold="+tc.threshold, filepath.Join(dir, tc.unit))
		if r.Code != 0 || !strings.Contains(r.Stdout, "Overall exposure level") {
			t.Errorf("%s %s: over %s: %s", tc.unit, tc.example, tc.threshold, r)
		}
	}
}
