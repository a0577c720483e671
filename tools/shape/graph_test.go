package main

import "testing"

func TestBackArrows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		arrows []arrow
		want   int
	}{
		{"none", nil, 0},
		{"a chain", []arrow{{"a", "b"}, {"b", "c"}, {"a", "c"}}, 0},
		{"two that use each other", []arrow{{"a", "b"}, {"b", "a"}}, 1},
		{"a circle of three", []arrow{{"a", "b"}, {"b", "c"}, {"c", "a"}}, 1},
		{"two circles through one file", []arrow{{"a", "b"}, {"b", "a"}, {"a", "c"}, {"c", "a"}}, 2},
		{"one arrow closes many circles", []arrow{{"top", "a"}, {"top", "b"}, {"a", "low"}, {"b", "low"}, {"low", "top"}}, 1},
		{"all of three", []arrow{{"a", "b"}, {"b", "a"}, {"a", "c"}, {"c", "a"}, {"b", "c"}, {"c", "b"}}, 3},
	} {
		g := graph{}
		for _, a := range tt.arrows {
			for _, f := range []string{a.from, a.to} {
				if g[f] == nil {
					g[f] = map[string]bool{}
				}
			}
			g[a.from][a.to] = true
		}
		if got := backArrows(g); len(got) != tt.want {
			t.Errorf("%s: %v, want %d", tt.name, got, tt.want)
		}
	}
}

func TestLoadReadsThisProgram(t *testing.T) {
	t.Parallel()
	packages, err := load(".", ".")
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) != 1 || len(packages[0].graph) != 3 || !packages[0].graph["main.go"]["load.go"] || packages[0].graph["graph.go"]["main.go"] {
		t.Fatalf("read %+v", packages)
	}
	for _, s := range packages[0].structs {
		if s.name == "main.pkg" && s.fields == 4 {
			return
		}
	}
	t.Fatalf("no struct pkg with four fields in %v", packages[0].structs)
}
