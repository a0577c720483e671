package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/runtimetest"
)

func TestMain(m *testing.M) { os.Exit(inOwnRuntimeDirectory(m)) }

func inOwnRuntimeDirectory(m *testing.M) int {
	defer runtimetest.Own()()
	return m.Run()
}

// hassesd runs the program as a shell would.
func hassesd(env []string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(append([]string{"hassesd"}, args...), env, &out, &errs)
	return code, out.String(), errs.String()
}

func TestCommandLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hassesd.toml")
	if err := os.WriteFile(file, []byte("retry = \"1s\"\n[history]\nevents = \"many\"\nevnts = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		env    []string
		args   []string
		code   int
		stdout string   // exactly, unless empty
		stderr []string // each must be in it
	}{
		{name: "check of good flags", args: []string{"check", "--dev"}, stdout: "ok\n"},
		{name: "flags before the command", args: []string{"--dev", "check"}, stdout: "ok\n"},
		{name: "old spellings", args: []string{"check", "-p=8080", "-murl=/events", "-cp=8085", "-sep=|", "-ra", "-q", "-nodaemon", "-ssl", "--dev"}, stdout: "ok\n"},
		{name: "an environment variable", env: []string{"HASSESD_DEV=true"}, args: []string{"check"}, stdout: "ok\n"},
		{name: "a variable that is not ours", env: []string{"HASSESD_BIN=/x"}, args: []string{"check", "--dev"}, stdout: "ok\n", stderr: []string{"HASSESD_BIN", "no effect"}},
		{name: "a variable by the name of a short flag", env: []string{"HASSESD_AUTH=none", "HASSESD_DEV=1"}, args: []string{"check"}, stdout: "ok\n"},
		{name: "a file named by a variable", env: []string{"HASSESD_CONFIG=" + file, "HASSESD_DEV=1"}, args: []string{"check"}, code: exitUsage, stderr: []string{file + ":3", "history.events"}},
		{name: "a file named by a flag, before that of a variable", env: []string{"HASSESD_CONFIG=" + file}, args: []string{"check", "--dev", "--config", os.DevNull}, stdout: "ok\n"},
		{name: "plaintext alone", env: []string{"HASSESD_PLAINTEXT=true", "HASSESD_AUTH=none"}, args: []string{"check"}, stdout: "ok\n"},
		{name: "a mistyped variable, and so nothing to start with", env: []string{"HASSESD_PLAINTXT=1"}, args: []string{"--auth", "none"}, code: exitUsage, stderr: []string{"--plaintext", `did you mean "HASSESD_PLAINTEXT"?`}},
		{name: "nothing to start with", args: nil, code: exitUsage, stderr: []string{"--dev", "--cert-file", "--plaintext", "--auth none"}},
		{name: "an unknown flag", args: []string{"--evil"}, code: exitUsage, stderr: []string{"evil"}},
		{name: "an unknown flag of a command", args: []string{"version", "--bogus"}, code: exitUsage, stderr: []string{"bogus"}},
		{name: "a word too many", args: []string{"check", "--dev", "extra"}, code: exitUsage, stderr: []string{"extra"}},
		{name: "a word before the flags", args: []string{"check", "extra", "--dev"}, code: exitUsage, stderr: []string{"extra"}},
		{name: "a log in a directory that is not there", args: []string{"check", "--dev", "--log-file", file + "/not/l"}, code: exitUsage, stderr: []string{"log_file"}},
		{name: "a FIFO that is a file", args: []string{"check", "--dev", "--fifo", file}, code: exitUsage, stderr: []string{"control.fifo", "regular file"}},
		{name: "an unknown command", args: []string{"chekc"}, code: exitUsage, stderr: []string{"chekc"}},
		{name: "all that is wrong at once", args: []string{"check", "--dev", "--config", file, "--retry", "soon"}, code: exitUsage, stderr: []string{file + ":3", "history.events", file + ":4", "evnts", "--retry"}},
		{name: "a config file that is not there", args: []string{"check", "--config", file + ".not"}, code: exitUsage, stderr: []string{file + ".not"}},
		{name: "a certificate that is not there", args: []string{"check", "--auth", "none", "--cert-file", file + ".pem", "--key-file", file}, code: exitUsage, stderr: []string{file + ".pem"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, stdout, stderr := hassesd(tc.env, tc.args...)
			if code != tc.code || tc.stdout != "" && stdout != tc.stdout {
				t.Errorf("got %d, %q, %q", code, stdout, stderr)
			}
			for _, want := range tc.stderr {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q is not in %q", want, stderr)
				}
			}
		})
	}
}

func TestDefaultsAreAFileThatCanBeUsed(t *testing.T) {
	code, defaults, stderr := hassesd(nil, "defaults")
	if code != 0 {
		t.Fatal(stderr)
	}
	file := filepath.Join(t.TempDir(), "hassesd.toml")
	if err := os.WriteFile(file, []byte(defaults), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := hassesd(nil, "check", "--config", file, "--dev"); code != 0 || stdout != "ok\n" {
		t.Errorf("got %d, %q, %q", code, stdout, stderr)
	}
}

func TestVersionAndHelp(t *testing.T) {
	for _, spelling := range []string{"version", "--version", "-version", "-v", "-V"} {
		if code, stdout, _ := hassesd(nil, spelling); code != 0 || !strings.HasPrefix(stdout, "hassesd ") {
			t.Errorf("%s: %d, %q", spelling, code, stdout)
		}
	}
	for _, args := range [][]string{{"--help"}, {"-h"}, {"check", "--help"}} {
		code, help, _ := hassesd(nil, args...)
		if code != 0 {
			t.Errorf("%q ends with %d", args, code)
		}
		for _, k := range config.Keys() {
			name := k.Flag
			if len(k.Aliases) > 0 {
				name = k.Aliases[0]
			}
			if !strings.Contains(help, "--"+name+" ") && !strings.Contains(help, "--"+name+"\n") {
				t.Errorf("%q does not mention --%s", args, name)
			}
		}
		for line := range strings.Lines(help) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && strings.Contains(strings.TrimSpace(line), " ") {
				t.Errorf("%q: %d columns: %s", args, n, line)
			}
		}
	}
}

// TestLastWordsWaitForNobody: standard error is a pipe that nobody reads, and the end must come all
// the same.
func TestLastWordsWaitForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		began := time.Now()
		lastWords(w, "hassesd: it failed\n")
		if took := time.Since(began); took != lastWordsTimeout {
			t.Errorf("it took %s", took)
		}
		_ = r.Close()

		var b bytes.Buffer
		lastWords(&b, "hassesd: it failed\n")
		if took := time.Since(began); took != lastWordsTimeout || b.String() != "hassesd: it failed\n" {
			t.Errorf("%q after %s", b.String(), took)
		}
	})
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
