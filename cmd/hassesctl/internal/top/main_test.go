package top

import (
	"os"
	"testing"

	"github.com/hassesd/hassesd/internal/runtimetest"
)

func TestMain(m *testing.M) { os.Exit(inOwnRuntimeDirectory(m)) }

func inOwnRuntimeDirectory(m *testing.M) int {
	defer runtimetest.Own()()
	return m.Run()
}
