package edge

import (
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/admission"
	"github.com/hassesd/hassesd/internal/reactor"
)

// admitter decides which connections are admitted, and counts them. Any loop may use it.
type admitter struct {
	// Fixed after New.
	balancer *reactor.Balancer
	fdLimit  int
	fdOthers int

	admission    *admission.Table
	connections  atomic.Int64 // limits.connections; 0: as many as descriptors allow
	open         atomic.Int64 // connections, those that are deferred included
	streamsMost  atomic.Int64 // limits.streams; 0: no bound
	streams      atomic.Int64 // open, over every version of HTTP
	deferred     atomic.Int64 // connections that are admitted only to be deferred
	peak         atomic.Int64
	refused      [numRefuseReasons]atomic.Uint64 // what is refused at accept; workers count the rest
	acceptLogged atomic.Int64                    // when a refusal was last logged; 0: never
}

// init prepares the zero value.
func (a *admitter) init(o Options) {
	a.balancer = reactor.NewBalancer(len(o.Loops))
	a.fdLimit, a.fdOthers = o.DescriptorLimit, min(o.OtherDescriptors, o.DescriptorLimit/2)
	a.admission = admission.New(o.Config.Admission)
	a.connections.Store(int64(o.Config.Connections))
	a.streamsMost.Store(int64(o.Config.Streams))
}

// setLimits applies new limits. Open connections stay.
func (a *admitter) setLimits(c *Config) {
	a.admission.SetLimits(c.Admission)
	a.connections.Store(int64(c.Connections))
	a.streamsMost.Store(int64(c.Streams))
}

// deferMost bounds the connections over the limit that are told to come back later.
const deferMost = 512

// ConnectionLimit returns the maximum number of connections: limits.connections, or fewer if the
// process may hold fewer descriptors.
func (a *admitter) ConnectionLimit() int {
	byDescriptors := max(1, a.fdLimit-a.fdOthers-a.deferLimit())
	if n := int(a.connections.Load()); n > 0 && n < byDescriptors {
		return n
	}
	return byDescriptors
}

// deferLimit returns how many connections over the limit may be deferred at one time. Others are
// reset.
func (a *admitter) deferLimit() int { return min(a.fdLimit/8, deferMost) }

// judge decides whether to admit a connection, and as what. A connection that is not admitted is
// counted as a refusal only, and reset before it costs a handshake.
func (a *admitter) judge(log *slog.Logger, now time.Duration, peer netip.AddrPort, v admission.Visit) (as admission.Verdict, ok bool) {
	as = a.admission.Admit(now, v)
	a.countVerdict(log, now, peer, as)
	if !as.Holds() {
		return as, false
	}
	if open := a.open.Add(1); open <= int64(a.ConnectionLimit()) {
		raise(&a.peak, open)
	} else if as != admission.AdmitDefer {
		as = admission.AdmitDefer
		a.countRefusal(log, now, peer, RefusedConnections)
	}
	if as != admission.Admit && a.deferred.Add(1) > int64(a.deferLimit()) {
		a.deferred.Add(-1)
		a.open.Add(-1)
		a.admission.Release(v.Addr)
		return as, false
	}
	return as, true
}

// countVerdict counts a verdict that refuses.
func (a *admitter) countVerdict(log *slog.Logger, now time.Duration, peer netip.AddrPort, as admission.Verdict) {
	switch as {
	case admission.Admit, admission.AdmitChallenge:
	case admission.AdmitDefer, admission.RefuseConnections:
		a.countRefusal(log, now, peer, RefusedAddress)
	case admission.RefuseRate:
		a.countRefusal(log, now, peer, RefusedRate)
	case admission.RefusePenalty:
		a.countRefusal(log, now, peer, RefusedPenalty)
	}
}

// acceptLogEvery is the minimum time between two log lines about networks at their limits.
const acceptLogEvery = time.Minute

// countRefusal counts a refusal and logs it now and then, so that an operator notices when a proxy
// runs into the limits of a single address.
func (a *admitter) countRefusal(log *slog.Logger, now time.Duration, peer netip.AddrPort, reason RefuseReason) {
	a.refused[reason].Add(1)
	last := a.acceptLogged.Load()
	if last != 0 && now-time.Duration(last) < acceptLogEvery || !a.acceptLogged.CompareAndSwap(last, max(int64(now), 1)) {
		return
	}
	log.Info("connections of an address are refused; if it is a proxy, list it in proxy.trusted", "peer", clientAddr(peer), "reason", reason.String())
}

// release undoes what judge and the balancer counted for a connection of a worker.
func (a *admitter) release(as admission.Verdict, from netip.Addr, worker int) {
	if as != admission.Admit {
		a.deferred.Add(-1)
	}
	a.open.Add(-1)
	a.admission.Release(from)
	a.balancer.Done(worker)
}

// openStream counts a stream that is about to be opened. If a bound is reached, it returns which,
// and nothing is counted.
func (a *admitter) openStream(from netip.Addr) (reason RefuseReason, ok bool) {
	if n, most := a.streams.Add(1), a.streamsMost.Load(); most > 0 && n > most {
		a.streams.Add(-1)
		return RefusedStreams, false
	}
	if !a.admission.OpenStream(from) {
		a.streams.Add(-1)
		return RefusedStreamsOfAddress, false
	}
	return 0, true
}

// closeStream takes back what openStream counted.
func (a *admitter) closeStream(from netip.Addr) {
	a.streams.Add(-1)
	a.admission.CloseStream(from)
}

// raise makes v at least n.
func raise(v *atomic.Int64, n int64) {
	for {
		old := v.Load()
		if n <= old || v.CompareAndSwap(old, n) {
			return
		}
	}
}
