package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// ownNode is where deps installs Node.js when the machine's own is too old for the clients in js.
const ownNode = "../js/node/node_modules/node-linux-*/bin/node"

// Node returns a Node.js that the clients in js run on.
func Node(t testing.TB) string {
	t.Helper()
	path, err := findNode()
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%v: .ci/deps should have installed it", err)
		}
		t.Skipf("%v: run 'make deps'", err)
	}
	return path
}

// findNode looks for a Node.js of the version that js/package.json asks for: in PATH, then where deps installs one.
var findNode = sync.OnceValues(func() (string, error) {
	text, err := os.ReadFile("../js/package.json")
	if err != nil {
		return "", err
	}
	var manifest struct {
		Engines struct {
			Node string `json:"node"`
		} `json:"engines"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return "", fmt.Errorf("../js/package.json: %w", err)
	}
	wanted, isBound := strings.CutPrefix(manifest.Engines.Node, ">=")
	if !isBound {
		return "", errors.New(`js/package.json: "engines" names no least version of Node.js`)
	}
	own, err := filepath.Glob(ownNode)
	if err != nil {
		return "", err
	}
	var found []string
	for _, name := range append([]string{"node"}, own...) {
		out, err := exec.Command(name, "--version").Output()
		if err != nil {
			continue
		}
		version := strings.TrimPrefix(strings.TrimSpace(string(out)), "v")
		if isVersionAtLeast(version, wanted) {
			return name, nil
		}
		found = append(found, name+" is "+version)
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no Node.js %s or later", wanted)
	}
	return "", fmt.Errorf("no Node.js %s or later (%s)", wanted, strings.Join(found, ", "))
})

// isVersionAtLeast compares versions of numbers and dots; one with anything else in it is older than every other.
func isVersionAtLeast(version, least string) bool {
	have, want := strings.Split(version, "."), strings.Split(least, ".")
	for i := range want {
		if i == len(have) {
			return false
		}
		h, errHave := strconv.Atoi(have[i])
		w, errWant := strconv.Atoi(want[i])
		if errHave != nil || errWant != nil {
			return false
		}
		if h != w {
			return h > w
		}
	}
	return true
}
