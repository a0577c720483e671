package bench

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/result.json anew")

// TestResultKeepsItsNames holds the JSON form against what was promised.
func TestResultKeepsItsNames(t *testing.T) {
	t.Parallel()
	r := Result{
		Scenario: Fanout, Memory: &Memory{}, Idle: &Load{}, Delivery: &Delivery{}, Churn: &Churned{}, Slow: &Slowness{},
		Storm: &Storms{}, Problems: []string{},
	}
	got, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "result.json")
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("the result is\n%s\nwant\n%s", got, want)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		all, slow tally
		want      []string
	}{
		{tally{Received: 5, Foreign: 1, Gaps: 1, OpenErrors: 1, FirstError: "made up for"}, tally{Closed: 3, Lost: 7, Gaps: 1}, nil},
		{tally{Lost: 1, FirstError: "x"}, tally{}, []string{"1 message was lost", "the first error: x"}},
		{tally{Doubles: 1}, tally{Doubles: 2}, []string{"3 messages came twice"}},
		{tally{Failed: 1, Disordered: 2, Broken: 3, Closed: 4}, tally{Broken: 1}, []string{
			"1 stream could not be opened", "2 messages came out of order", "4 events or answers were broken", "4 streams were ended by the server",
		}},
	} {
		var r Result
		r.judge(tt.all, tt.slow)
		if !slices.Equal(r.Problems, tt.want) {
			t.Errorf("%+v: %q, want %q", tt.all, r.Problems, tt.want)
		}
	}
}

func TestTimesTravel(t *testing.T) {
	t.Parallel()
	a := newTimes()
	for _, ms := range []int64{-5, 0, 1, 2, 3, 4, 5, 6, 7, 1 << 40} {
		a.record(ms * 1e6)
	}
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var b times
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	b.add(a)
	f := b.figures()
	if f.Count != 20 || f.P50 < 2.99 || f.P50 > 3.01 || f.Max < 599_000 || f.Max > 601_000 {
		t.Errorf("%+v", f)
	}
	if err := json.Unmarshal([]byte(`"AAAA"`), &b); err == nil || strings.Contains(err.Error(), "panic") {
		t.Errorf("garbage was taken: %v", err)
	}
}

func TestTalliesAddUp(t *testing.T) {
	t.Parallel()
	one := tally{1, 2, 3, "first", 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}
	sum := one
	sum.add(tally{1, 2, 3, "second", 4, 5, 6, 7, 8, 9, 10, 11, 12, 13})
	if want := (tally{2, 4, 6, "first", 8, 10, 12, 14, 16, 18, 20, 22, 24, 26}); sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
}
