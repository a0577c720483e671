package threads

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestMain is also the program that a test wants to see aborted.
func TestMain(m *testing.M) {
	if used := os.Getenv("HASSESD_TEST_ABORT_AFTER"); used != "" {
		spin(used)
	}
	os.Exit(m.Run())
}

// spin never ends by itself.
func spin(used string) {
	d, err := time.ParseDuration(used)
	if err == nil {
		_, err = abortAfter(d)
	}
	if err != nil {
		panic(err)
	}
	for n := 0; n >= 0; n ^= 1 { // as the runtime would
	}
}

func TestACallThatNeverEndsAborts(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "HASSESD_TEST_ABORT_AFTER=50ms")
	out, err := cmd.CombinedOutput()
	if _, ended := errors.AsType[*exec.ExitError](err); !ended {
		t.Fatalf("it ended with %v:\n%s", err, out)
	}
	for _, want := range []string{"SIGABRT", "internal/threads.spin"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("standard error has no %s:\n%s", want, out)
		}
	}
}

func TestLimitedLiftsTheLimit(t *testing.T) {
	failed := errors.New("failed")
	for range 100 { // a process has few timers if they are not given back
		if err := Limited(func() error { return failed }); !errors.Is(err, failed) {
			t.Fatal(err)
		}
	}
	lift, err := abortAfter(time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	lift()
	for began := time.Now(); time.Since(began) < 20*time.Millisecond; {
	}
}
