package options

import (
	"os"
	"testing"

	"github.com/hassesd/hassesd/internal/runtimetest"
)

func TestMain(m *testing.M) {
	remove := runtimetest.Own()
	code := m.Run()
	remove()
	os.Exit(code)
}
