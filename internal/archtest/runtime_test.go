package archtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Tests that can reach the control socket, or start the binaries that do, must not meet the daemon that the developer
// has running beside them.
func TestTestsHaveARuntimeDirectoryOfTheirOwn(t *testing.T) {
	out, err := exec.Command("go", "list", "-test", "-f", `{{.ImportPath}}{{range .Deps}} {{.}}{{end}}`, module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var checked []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name, isTest := strings.CutSuffix(fields[0], ".test")
		if !isTest {
			continue
		}
		name, deps := strings.TrimPrefix(name, module+"/"), fields[1:]
		isEndToEnd := strings.HasPrefix(name, "test/") && name != "test/harness" && slices.Contains(deps, module+"/test/harness")
		startsBinaries := isEndToEnd || name == "packaging"
		reaches := func(p string) bool { return slices.Contains(deps, module+"/internal/admin"+p) }
		if !startsBinaries && !reaches("/server") && !reaches("/client") {
			continue
		}
		checked = append(checked, name)
		if isEndToEnd && !strings.Contains(readText(t, "../../"+name+"/main_test.go"), "harness.Main(") {
			t.Errorf("%s: its TestMain must call harness.Main, which calls runtimetest.Own", name)
		}
		if !slices.Contains(deps, module+"/internal/runtimetest") {
			t.Errorf("%s: its TestMain must call runtimetest.Own: its tests can reach the developer's own daemon", name)
		}
	}
	for _, name := range []string{"cmd/hassesctl", "cmd/hassesd", "internal/admin/client", "internal/admin/server", "internal/daemon", "packaging", "test/compat", "test/core", "test/ops", "test/threats", "test/tls"} {
		if !slices.Contains(checked, name) {
			t.Errorf("%s was not looked at", name)
		}
	}
}
