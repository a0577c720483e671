package admission_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
)

// A network with three handshakes that timed out is kept out until it owes nothing.
func ExampleTable_RecordViolation() {
	table := admission.New(admission.Limits{Penalties: admission.PenaltiesOn})
	client := netip.MustParseAddr("192.0.2.1")
	for range 3 {
		fmt.Println("penalized:", table.RecordViolation(0, client, admission.HandshakeTimeout))
	}
	for _, at := range []time.Duration{10 * time.Second, time.Minute} {
		verdict := table.Admit(at, admission.Visit{Addr: client, Handshake: true})
		fmt.Println("refused after", at, "-", verdict == admission.RefusePenalty)
	}
	// Output:
	// penalized: false
	// penalized: false
	// penalized: true
	// refused after 10s - true
	// refused after 1m0s - false
}

// Two slots, at most one of them for one network: the second handshake of a network waits although
// a slot is free.
func ExampleHandshakeQueue() {
	queue := admission.NewHandshakeQueue[string](2, 1)
	one := admission.NetworkOf(netip.MustParseAddr("192.0.2.1"))
	other := admission.NetworkOf(netip.MustParseAddr("2001:db8::1"))

	first := &admission.Waiter[string]{Owner: "first"}
	fmt.Println(queue.Arrive(0, first, one, false))
	fmt.Println(queue.Arrive(0, &admission.Waiter[string]{Owner: "second"}, one, false))
	fmt.Println(queue.Arrive(0, &admission.Waiter[string]{Owner: "third"}, other, false))
	queue.Leave(first)
	fmt.Println(queue.Next(0).Owner)
	// Output:
	// true
	// false
	// true
	// second
}
