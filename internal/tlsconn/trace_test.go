package tlsconn

import "testing"

func TestMissingFollowsRecords(t *testing.T) {
	t.Parallel()
	stream := append(append(recordHeader(22, 3), 1, 2, 3), append(recordHeader(20, 1), 1)...)
	stream = append(stream, recordHeader(23, 0)...)
	var tr Trace
	var got []int
	for _, b := range stream {
		got = append(got, tr.missing())
		tr.Received([]byte{b})
	}
	got = append(got, tr.missing())
	want := []int{5, 4, 3, 2, 1, 3, 2, 1, 5, 4, 3, 2, 1, 1, 5, 4, 3, 2, 1, 5}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("missing %v, want %v", got, want)
		}
	}
}
