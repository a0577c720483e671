package daemon

import (
	"fmt"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/api"
	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/edge"
)

// live returns the checks of /healthz: the loops turn.
func (d *Daemon) live() []api.Check {
	return []api.Check{checkLoops(d.edge.Published(time.Now()).Loops)}
}

// ready returns the checks of /readyz: new clients can be served.
func (d *Daemon) ready() []api.Check {
	now := time.Now()
	checks := []api.Check{
		checkLoops(d.edge.Published(now).Loops),
		checkThat("listen", d.isServing.Load(), "the listeners are not open"),
		checkThat("drain", !d.drainBegun.Load(), "the daemon drains"),
	}
	if d.certificates.store != nil {
		checks = append(checks, checkThat("certificate", isInForce(d.certificates.store.Certificates(), now), "no valid certificate is served"))
	}
	if problem, isClustered := d.cluster.problem(); isClustered {
		checks = append(checks, api.Check{Name: "cluster", Problem: problem})
	}
	return checks
}

func checkThat(name string, isWell bool, problem string) api.Check {
	if isWell {
		problem = ""
	}
	return api.Check{Name: name, Problem: problem}
}

func checkLoops(loops []edge.LoopStats) api.Check {
	stuck := 0
	for _, l := range loops {
		if l.Stuck {
			stuck++
		}
	}
	return checkThat("loops", stuck == 0, fmt.Sprintf("%d of %d event loops do not turn", stuck, len(loops)))
}

// isInForce reports whether clients can trust one of the certificates.
func isInForce(all []certs.Info, now time.Time) bool {
	return slices.ContainsFunc(all, func(info certs.Info) bool { return info.Source != certs.SourceSelfSigned && info.IsValid(now) })
}
