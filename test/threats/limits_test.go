package threats

import (
	"time"

	"github.com/hassesd/hassesd/test/harness"
)

// newcomer opens a stream from an address that has done nothing wrong, and tells how long that took.
func newcomer(d *harness.Daemon, from string) time.Duration {
	d.T.Helper()
	r := d.Request("subscribe=newcomers")
	r.From = from
	began := time.Now()
	d.Open(r)
	return time.Since(began)
}
