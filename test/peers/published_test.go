package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hassesd/hassesd/internal/bench"
)

var update = flag.Bool("update", false, "write the figures of docs/performance.json into README.md and docs/performance.md")

// marked is a part of a page that is made out of docs/performance.json.
var marked = regexp.MustCompile(`(?s)(<!-- figures: (\w+), from docs/performance\.json -->\n)(.*?)(<!-- end -->\n)`)

// TestPagesShowWhatWasMeasured compares README.md and docs/performance.md with docs/performance.json.
func TestPagesShowWhatWasMeasured(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "performance.json"))
	if err != nil {
		t.Fatal(err)
	}
	var p published
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	texts := p.texts()
	shown := map[string]bool{}
	for _, name := range []string{"README.md", filepath.Join("docs", "performance.md")} {
		file := filepath.Join(root, name)
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		made := marked.ReplaceAllFunc(page, func(part []byte) []byte {
			m := marked.FindSubmatch(part)
			want, ok := texts[string(m[2])]
			if !ok {
				t.Errorf("%s: nobody makes the figures %q", name, m[2])
				return part
			}
			shown[string(m[2])] = true
			if string(m[3]) != want && !*update {
				t.Errorf("%s: the figures %q are not those of docs/performance.json: run 'go test ./test/peers -update'\ngot:\n%swant:\n%s", name, m[2], m[3], want)
			}
			return []byte(string(m[1]) + want + string(m[4]))
		})
		if *update {
			if err := os.WriteFile(file, made, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name := range texts {
		if !shown[name] {
			t.Errorf("no page shows the figures %q", name)
		}
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	run := func(server string, bytes, rate float64) sample {
		return sample{Server: server, Result: bench.Result{Memory: &bench.Memory{PerStream: bytes}, Delivery: &bench.Delivery{PerSecond: rate, ServerPer: 0.48}}}
	}
	rec := record{Runs: map[string][]sample{
		idle10: {run("hassesd", 5000, 1), run("hassesd", 5600, 1), run("hassesd", 5518, 1), run("net/http", 44883, 1), run("nginx+nchan 1", 41000, 1), run("nginx+nchan 2", 40070, 1), {Server: "net/http", Error: "broken"}},
		saturate10: {
			run("hassesd", 1, 2292847), run("net/http", 1, 256987), run("nginx+nchan 1", 1, 70094), run("nginx+nchan 2", 1, 87293),
			{Server: "bare write", Error: "did not start"},
		},
	}}
	p := publish(rec)
	if got := p.Medians[idle10]["hassesd"]; got != (medians{BytesPerStream: 5518, PerSecond: 1, DeliveryCPU: 0.48}) {
		t.Errorf("medians %+v", got)
	}
	if p.Repeat != 1 {
		t.Errorf("%d runs at least; net/http had one", p.Repeat)
	}
	if got := p.Medians[saturate10]["bare write"]; got != (medians{}) {
		t.Errorf("of a server that did not start: %+v", got)
	}
	want := "an idle TLS stream takes 5.5 KB (net/http 44.9 KB, nginx+nchan 40.1 KB); a busy room of 10,000 gets 2.3 million deliveries a\n" +
		"second, 8.9 times those of net/http and 26.3 times those of nginx+nchan.\n"
	if got := p.summary(); got != want {
		t.Errorf("summary:\n%swant:\n%s", got, want)
	}
	table := p.rows("saturated", column{"deliveries/s", saturate10, func(m medians) float64 { return m.PerSecond }, 0, ""}, column{"bytes", idle19, func(m medians) float64 { return m.BytesPerStream }, 0, " B"})
	want = "| saturated | deliveries/s | bytes |\n|---|---|---|\n| hassesd | 2,292,847 | – |\n| net/http | 256,987 | – |\n" +
		"| nginx+nchan, 1 worker | 70,094 | – |\n| nginx+nchan, 2 workers | 87,293 | – |\n"
	if table != want {
		t.Errorf("table:\n%swant:\n%s", table, want)
	}
}

func TestLeastRuns(t *testing.T) {
	t.Parallel()
	of := func(servers ...string) (list []sample) {
		for _, s := range servers {
			list = append(list, sample{Server: s})
		}
		return list
	}
	broken := sample{Server: "net/http", Error: "broken"}
	for name, tc := range map[string]struct {
		runs map[string][]sample
		want int
	}{
		"nothing":               {nil, 0},
		"alike":                 {map[string][]sample{idle10: of("hassesd", "net/http", "net/http", "hassesd")}, 2},
		"a piece more":          {map[string][]sample{idle10: of("hassesd", "hassesd", "hassesd"), single: of("hassesd", "hassesd")}, 2},
		"one that broke once":   {map[string][]sample{idle10: append(of("net/http", "hassesd", "hassesd"), broken)}, 1},
		"one that never worked": {map[string][]sample{idle10: append(of("hassesd", "hassesd"), broken, broken)}, 2},
	} {
		if got := leastRuns(tc.runs); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		v        float64
		decimals int
		want     string
	}{
		{0.48, 2, "0.48"},
		{999, 0, "999"},
		{1000, 0, "1,000"},
		{2292847.4, 0, "2,292,847"},
		{6521.25, 1, "6,521.2"},
	} {
		if got := grouped(tc.v, tc.decimals); got != tc.want {
			t.Errorf("grouped(%v, %d) = %s, want %s", tc.v, tc.decimals, got, tc.want)
		}
	}
}
