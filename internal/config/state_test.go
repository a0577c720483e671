package config

import (
	"strings"
	"testing"
)

func TestWhereTheHistoryIsKept(t *testing.T) {
	for _, tt := range []struct {
		file, dir string
		path      string
		isGiven   bool
	}{
		{"", "", "", false},
		{"", "/state", "/state/history.db", false},
		{"off", "/state", "", false},
		{"/other/h", "/state", "/other/h", true},
		{"/other/h", "", "/other/h", true},
	} {
		h, s := History{File: tt.file}, State{Dir: tt.dir}
		if path, isGiven := h.Path(&s); path != tt.path || isGiven != tt.isGiven {
			t.Errorf("file %q, directory %q: %q, %v; want %q, %v", tt.file, tt.dir, path, isGiven, tt.path, tt.isGiven)
		}
	}
}

func TestStateDirectoryOfSystemd(t *testing.T) {
	dev := Assignment{Flag: "dev", Value: "true"}
	for _, tt := range []struct {
		name  string
		env   []string
		flags []Assignment
		want  string
	}{
		{"none", nil, nil, ""},
		{"one", []string{"STATE_DIRECTORY=/var/lib/hassesd"}, nil, "/var/lib/hassesd"},
		{"two", []string{"STATE_DIRECTORY=/var/lib/hassesd:/var/lib/other"}, nil, "/var/lib/hassesd"},
		{"our own variable wins", []string{"HASSESD_STATE_DIR=/a", "STATE_DIRECTORY=/b"}, nil, "/a"},
		{"a flag wins", []string{"STATE_DIRECTORY=/b"}, []Assignment{{Flag: "state-dir", Value: "/c"}}, "/c"},
		{"a flag that wants none", []string{"STATE_DIRECTORY=/b"}, []Assignment{{Flag: "state-dir", Value: ""}}, ""},
	} {
		s, err := Load(Sources{Env: tt.env, Flags: append(tt.flags, dev)})
		if err != nil || s.State.Dir != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, s.State.Dir, err, tt.want)
		}
	}
	_, err := Load(Sources{Env: []string{"STATE_DIRECTORY=/"}, Flags: []Assignment{dev, {Flag: "history-file", Value: "/x/"}}})
	if err == nil || !strings.Contains(err.Error(), "STATE_DIRECTORY") || !strings.Contains(err.Error(), "history.file") {
		t.Errorf("got %v, want complaints of both, and where they come from", err)
	}
}
