package memguard

import (
	"slices"
	"testing"
)

func TestMemoryIsReleasedOnceAtTheEndOfAWave(t *testing.T) {
	for _, tc := range []struct {
		name        string
		connections []int
		want        []int // checks at which a wave was over
	}{
		{"nothing happens", []int{0, 0, 0}, nil},
		{"a few come", []int{10, 50, 100, 100}, nil},
		{"a wave comes and stays", []int{5000, 10_000, 10_000, 10_000, 10_001}, []int{2}},
		{"a wave comes and goes", []int{10_000, 10_000, 10_000, 4000, 0, 0, 0}, []int{1, 5}},
		{"many come slowly", []int{10_000, 10_000, 10_400, 10_800, 11_200, 11_600, 11_600, 11_600}, []int{1, 6}},
		{"some churn", []int{10_000, 10_000, 10_100, 9_900, 10_050, 9_990}, []int{1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var s settler
			var got []int
			for i, n := range tc.connections {
				if s.isOver(n) {
					got = append(got, i)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("waves were over at checks %v, want %v", got, tc.want)
			}
		})
	}
}
