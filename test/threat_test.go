package test

import "time"

// The tests named TestT1... are of one threat each, as docs/security.md numbers them. In each a real attacker is at work
// on a real daemon while a herd of good streams receives: none of them may lose anything. How much later events arrive
// meanwhile is told, not judged: it hangs on the machine. `make threats` runs them one by one, with 1,000 streams.

// limits is what the control protocol says about them.
type limits struct {
	Limits []struct {
		Key   string `json:"key"`
		Used  int64  `json:"used"`
		Limit int64  `json:"limit"`
		Of    string `json:"of"`
	} `json:"limits"`
	Refused   map[string]uint64 `json:"refused"`
	Penalties struct {
		Mode      string `json:"mode"`
		Penalized []struct {
			Network     string  `json:"network"`
			SecondsLeft float64 `json:"seconds_left"`
			Why         string  `json:"why"`
		} `json:"penalized"`
		Total    int               `json:"total"`
		DryRun   uint64            `json:"dry_run"`
		Offences map[string]uint64 `json:"offences"`
	} `json:"penalties"`
}

func (d *daemon) limits() limits {
	d.t.Helper()
	var l limits
	d.call("limits", nil, &l)
	return l
}

func (l limits) penalized(network string) bool {
	for _, p := range l.Penalties.Penalized {
		if p.Network == network {
			return true
		}
	}
	return false
}

// newcomer opens a stream from an address that has done nothing wrong, and tells how long that took.
func (d *daemon) newcomer(from string) time.Duration {
	d.t.Helper()
	r := d.request("subscribe=newcomers")
	r.From = from
	began := time.Now()
	d.open(r)
	return time.Since(began)
}
