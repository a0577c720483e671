package threats

import (
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// openFromNewAddress opens a stream from an address without violations and returns how long that
// took.
func openFromNewAddress(d *harness.Daemon, from string) time.Duration {
	d.T.Helper()
	r := d.Request("subscribe=newcomers")
	r.From = from
	began := time.Now()
	d.Open(r)
	return time.Since(began)
}
