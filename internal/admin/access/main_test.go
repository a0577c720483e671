package access

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/hassesd/hassesd/internal/runtimetest"
)

func TestMain(m *testing.M) {
	remove := runtimetest.Own()
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) { remove(); os.Exit(code) }))
}
