package admission

import (
	"fmt"
	"testing"
	"time"
)

// An accept waits for a few hundred networks at the most, however many there are, and what it
// changes meanwhile does no harm.
func TestStatsHoldTheLockOnlyForAMoment(t *testing.T) {
	const networks = 10 * statsHold
	table := New(Limits{Penalties: PenaltiesOn})
	for i := range networks {
		table.Admit(0, Visit{Addr: client(i)})
		for range 3 {
			table.RecordViolation(0, client(i), HandshakeTimeout)
		}
	}
	yields := 0
	table.yielded = func() {
		yields++
		table.RecordViolation(0, client(networks+yields), HandshakeFailed) // hangs if the lock is held
		table.Admit(0, Visit{Addr: client(2*networks + yields)})
		table.networks.remove(len(table.networks.records) / 2) // the last record comes to the middle
	}
	s := table.Stats(time.Second, 5)
	if yields < 2*networks/statsHold {
		t.Errorf("the lock was given up %d times", yields)
	}
	if len(s.Penalized) != 5 || s.Total > networks || s.Total < networks-2*yields {
		t.Errorf("%d of %d listed, want 5 of about %d", len(s.Penalized), s.Total, networks)
	}
	seen := map[string]bool{}
	for _, p := range table.Stats(time.Second, networks).Penalized {
		if seen[p.Network.String()] {
			t.Errorf("%s is listed twice", p.Network)
		}
		seen[p.Network.String()] = true
	}
}

func TestStatsListTheLongestPenaltiesFirst(t *testing.T) {
	table := New(Limits{Penalties: PenaltiesOn})
	for i := range 5 {
		for range 3 + i {
			table.RecordViolation(0, client(i), HandshakeTimeout)
		}
	}
	var got []string
	for _, p := range table.Stats(0, 3).Penalized {
		got = append(got, p.Left.String())
	}
	if fmt.Sprint(got) != "[1m10s 1m0s 50s]" {
		t.Errorf("penalties left: %v", got)
	}
}
