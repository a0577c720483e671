package server

import (
	"net"
	"net/netip"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admission"
)

// networks is the table of networks as the TLS endpoint uses it.
type networks struct {
	table *admission.Table // nil: there is none
	began time.Time        // from which the table counts time
}

func (n *networks) now() time.Duration { return time.Since(n.began) }

// admit counts a connection that has a handshake before it, or returns why it is refused. The
// caller releases an admitted one.
func (n *networks) admit(address netip.Addr) (reason api.Refusal, ok bool) {
	if n.table == nil {
		return "", true
	}
	switch n.table.Admit(n.now(), admission.Visit{Addr: address, Handshake: true}) {
	case admission.Admit, admission.AdmitChallenge, admission.AdmitDefer:
	case admission.RefuseConnections:
		return api.RefusedConnections, false
	case admission.RefuseRate:
		return api.RefusedRate, false
	case admission.RefusePenalty:
		return api.RefusedPenalty, false
	}
	return "", true
}

// release undoes what admit has counted.
func (n *networks) release(address netip.Addr) {
	if n.table != nil {
		n.table.Release(address)
	}
}

// recordIdentified records that a certificate was good: the rate limit of unknown networks does not
// hold up a network that connects often because it has much to publish.
func (n *networks) recordIdentified(address netip.Addr) {
	if n.table != nil {
		n.table.RecordIdentified(n.now(), address)
	}
}

func (n *networks) recordViolation(address netip.Addr, v admission.Violation) {
	if n.table != nil {
		n.table.RecordViolation(n.now(), address, v)
	}
}

// networkOf returns the network and the address of a TCP client.
func networkOf(a net.Addr) (network string, address netip.Addr) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return "", netip.Addr{}
	}
	address = tcp.AddrPort().Addr().Unmap()
	return admission.NetworkOf(address).String(), address
}
