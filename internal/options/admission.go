package options

import (
	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/config"
)

// Admission returns the limits of each client network.
func Admission(s *config.Settings) admission.Limits {
	mode, ok := admission.ParseMode(s.Limits.Penalties)
	if !ok {
		panic("options: internal error: limits.penalties was not validated")
	}
	l := admission.Limits{
		Connections: s.Limits.ConnectionsPerAddress,
		Streams:     s.Limits.StreamsPerAddress,
		Handshakes:  s.Limits.HandshakesPerAddress,
		Rate:        s.Limits.HandshakeRate,
		Burst:       s.Limits.HandshakeBurst,
		Penalties:   mode,
		Exempt:      s.Limits.ExemptNetworks(),
	}
	trusted, unix := s.Proxy.TrustedNetworks() // the limits are for the clients that they name
	l.Exempt, l.ExemptUnix = append(l.Exempt, trusted...), unix
	for _, b := range []struct {
		key   string
		bound admission.Bounds
	}{
		{"limits.connections_per_address", admission.BoundConnections},
		{"limits.streams_per_address", admission.BoundStreams},
		{"limits.handshakes_per_address", admission.BoundHandshakes},
		{"limits.handshake_rate", admission.BoundRate},
		{"limits.penalties", admission.BoundPenalties},
	} {
		if s.ExemptsLoopback(b.key) {
			l.Loopback |= b.bound
		}
	}
	return l
}

// ControlAdmission returns the limits of each client network at the control port under TLS. They
// are counted separately: what a browser did wrong keeps no administrator of the same office out.
// The control server itself limits connections.
func ControlAdmission(s *config.Settings) admission.Limits {
	l := Admission(s)
	l.Connections = 0
	l.Exempt, l.ExemptUnix = s.Limits.ExemptNetworks(), false // a proxy names nobody there
	return l
}
