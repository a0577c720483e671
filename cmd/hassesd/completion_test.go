package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCandidates(t *testing.T) {
	for _, tc := range []struct {
		typed string // separated by blanks; the last word is completed
		want  string
	}{
		{"", "check completion defaults version"},
		{"c", "check completion"},
		{"completion ", "bash fish zsh"},
		{"completion z", "zsh"},
		{"check --control-tcp-n", "--control-tcp-networks"},
		{"--heartbeat-i", "--heartbeat-interval"},
		{"--log-level ", "quiet normal debug"},
		{"--log-level = d", "debug"}, // as bash splits --log-level=d
		{"--log-level =", "quiet normal debug"},
		{"--auth s", "signed-url"},
		{"check --limits-slow dr", "drop-oldest"},
		{"--cert-file ", ""}, // files
		{"--config ", ""},
		{"--cert-file x.pem de", "defaults"},
		{"--dev ch", "check"},
		{"--config f ch", "check"},
		{"version ", ""},
		{"-mur", "-murl="},
		{"nonsense ", ""},
	} {
		if got := strings.Join(candidates(strings.Split(tc.typed, " ")), " "); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.typed, got, tc.want)
		}
	}
	if got := candidates(nil); got != nil {
		t.Errorf("nothing typed: %q", got)
	}
}

func TestCompletionCommand(t *testing.T) {
	for shell := range completionFiles {
		code, script, stderr := hassesd(nil, "completion", shell)
		if code != 0 || !strings.Contains(script, "__complete") || strings.Contains(script, "hassesctl") {
			t.Errorf("%s: %d, %q, %q", shell, code, script, stderr)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			continue // checked below where it is there
		}
		file := filepath.Join(t.TempDir(), "script")
		writeFile(t, file, script)
		if out, err := exec.CommandContext(t.Context(), path, "-n", file).CombinedOutput(); err != nil {
			t.Errorf("%s does not read its script: %v, %s", shell, err, out)
		}
	}
	for _, args := range [][]string{{"completion"}, {"completion", "tcsh"}, {"completion", "bash", "zsh"}} {
		if code, _, stderr := hassesd(nil, args...); code != exitUsage || !strings.Contains(stderr, "bash, zsh and fish") {
			t.Errorf("%q: %d, %q", args, code, stderr)
		}
	}
	if code, stdout, _ := hassesd(nil, "__complete", "--", "--log-level", "q"); code != 0 || stdout != "quiet\n" {
		t.Errorf("__complete: %d, %q", code, stdout)
	}
	if !slices.IsSorted(flagNames()) {
		t.Error("flags are not sorted")
	}
}
