package daemon

import (
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/certs"
)

const (
	// checkWithoutWatch is how often the watchers check whether tls.watch has been switched on.
	checkWithoutWatch = time.Minute
	// expiryInterval is how often the ends of certificates are checked, and expiryWarning how often
	// each is warned of.
	expiryInterval = time.Hour
	expiryWarning  = 24 * time.Hour
)

// run picks up replaced files, rotates the keys of session tickets and warns of certificates that
// expire, until stop is closed.
func (c *certificates) run(stop <-chan struct{}) {
	if c.store == nil {
		return
	}
	rotate := time.NewTimer(c.store.RotateTickets())
	defer rotate.Stop()
	expiry := time.NewTicker(expiryInterval)
	defer expiry.Stop()
	check := time.NewTimer(c.scheduleCheck(time.Now()))
	defer check.Stop()
	warned := expiryWarnings{}
	for {
		select {
		case <-rotate.C:
			rotate.Reset(c.store.RotateTickets())
		case now := <-expiry.C:
			c.warnOfExpiry(warned, now)
		case now := <-check.C:
			next := c.scheduleCheck(now) // first, so that a failure is listed with its next attempt
			if c.settings().TLS.Watch > 0 {
				c.checkFiles(now)
			}
			check.Reset(next)
		case <-stop:
			return
		}
	}
}

// scheduleCheck sets when the files are read again, and returns how long that is from now.
func (c *certificates) scheduleCheck(now time.Time) time.Duration {
	watch := c.settings().TLS.Watch
	if watch <= 0 {
		c.nextCheck.Store(0)
		return checkWithoutWatch
	}
	c.nextCheck.Store(now.Add(watch).UnixNano())
	return watch
}

// nextTry returns when the files are read again; the zero time: never.
func (c *certificates) nextTry() time.Time {
	if next := c.nextCheck.Load(); next != 0 {
		return time.Unix(0, next)
	}
	return time.Time{}
}

// checkFiles uses files that were replaced. A failure is logged once, however often it recurs.
func (c *certificates) checkFiles(now time.Time) {
	c.changing.Lock()
	defer c.changing.Unlock()
	before := c.files.Failures()
	fresh, _ := c.files.Look(now) // its errors are the failures below
	after := c.files.Failures()
	for _, f := range after {
		i := slices.IndexFunc(before, func(b certs.Failure) bool { return b.Files == f.Files })
		if i < 0 || before[i].Err.Error() != f.Err.Error() {
			c.log.Error("replaced certificate cannot be used; the one before is still in force", "err", c.explain(f.Err))
		}
	}
	for _, b := range before {
		if !slices.ContainsFunc(after, func(f certs.Failure) bool { return f.Files == b.Files }) {
			c.log.Info("certificate files are in order again", "file", b.Files.Cert)
		}
	}
	for _, info := range fresh {
		c.logOne("certificate replaced", info, now)
	}
}

// expiryWarnings is when each certificate, by its hash, was last warned of.
type expiryWarnings map[string]time.Time

// warnOfExpiry warns once a day of each certificate with less than a third of its life left, or
// whose OCSP response expires.
func (c *certificates) warnOfExpiry(warned expiryWarnings, now time.Time) {
	all := c.store.Certificates()
	for hash := range warned {
		if !slices.ContainsFunc(all, func(i certs.Info) bool { return i.SHA256 == hash }) {
			delete(warned, hash)
		}
	}
	for _, info := range all {
		last, ok := warned[info.SHA256]
		if !ok {
			last = info.LoadedAt // it was warned of then
		}
		problems := info.Problems(now)
		if len(problems) == len(info.Warnings) || now.Sub(last) < expiryWarning && slices.Equal(problems, info.Problems(last)) {
			continue // time has brought nothing, or nothing new since the last warning
		}
		warned[info.SHA256] = now
		if info.Left(now) < 0 {
			c.log.Error("certificate has expired; clients refuse it", "certificate", info)
		} else {
			c.log.Warn("certificate needs attention", "what", problems, "certificate", info)
		}
	}
}
