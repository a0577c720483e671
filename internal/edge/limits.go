package edge

import (
	"context"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
)

// LimitsInfo is what is used of the limits at the door.
type LimitsInfo struct {
	Connections, Peak, ConnectionLimit int
	Handshakes, HandshakeLimit         int // in flight
	HandshakesWaiting                  int // for a place
	MostHandshakes                     int // of one network
	MostHandshakesOf                   admission.Network
	Refused                            map[string]uint64
	FannedOutBytes                     uint64
	Admission                          admission.Stats
}

// Limits asks every worker what is used of the limits, and then the table of networks, which no loop waits for. At most
// so many penalized networks are listed.
func (s *Server) Limits(ctx context.Context, penalized int) (LimitsInfo, error) {
	st, err := s.Stats(ctx)
	if err != nil {
		return LimitsInfo{}, err
	}
	out := LimitsInfo{
		Connections:     st.Connections,
		Peak:            st.Peak,
		ConnectionLimit: st.Limit,
		HandshakeLimit:  s.config().Handshakes,
		Refused:         st.Refused,
		FannedOutBytes:  st.FannedOutBytes,
	}
	most := make(map[admission.Network]int)
	var now time.Duration
	for _, w := range s.workers {
		err := w.ask(ctx, func() {
			out.Handshakes += w.turnstile.Running()
			out.HandshakesWaiting += w.turnstile.Waiting()
			if n, running := w.turnstile.Most(); running > 0 {
				most[n] += running
			}
			now = max(now, w.now())
		})
		if err != nil {
			return LimitsInfo{}, err
		}
	}
	out.Admission = s.admission.Stats(now, penalized)
	for n, running := range most {
		if running > out.MostHandshakes {
			out.MostHandshakesOf, out.MostHandshakes = n, running
		}
	}
	return out, nil
}
