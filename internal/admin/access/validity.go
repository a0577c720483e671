package access

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Complaints returns what does not work at now, or will soon stop working.
func (a *MutualTLS) Complaints(now time.Time) []string {
	var all []string
	switch leaf := a.certificate.Leaf; {
	case now.Before(leaf.NotBefore):
		all = append(all, fmt.Sprintf("certificate %s is valid only from %s on, and clients refuse it until then; is the clock right?", a.certFile, second(leaf.NotBefore)))
	case now.After(leaf.NotAfter):
		all = append(all, fmt.Sprintf("certificate %s expired on %s, and clients refuse it; renew it", a.certFile, day(leaf.NotAfter)))
	case isDue(leaf, now):
		all = append(all, fmt.Sprintf("certificate %s expires on %s, in less than a third of its lifetime; renew it", a.certFile, day(leaf.NotAfter)))
	}
	for _, c := range a.authorities {
		switch {
		case now.Before(c.NotBefore):
			all = append(all, fmt.Sprintf("authority of clients %q is valid only from %s on: nobody gets in with its certificates until then; is the clock right?", c.Subject, second(c.NotBefore)))
		case now.After(c.NotAfter):
			all = append(all, fmt.Sprintf("authority of clients %q expired on %s: nobody gets in with its certificates", c.Subject, day(c.NotAfter)))
		case c.NotAfter.Sub(now) < authorityNotice:
			all = append(all, fmt.Sprintf("authority of clients %q expires on %s: make another, and new certificates", c.Subject, day(c.NotAfter)))
		}
	}
	return all
}

// authorityNotice is how long before its end an authority is reported: its certificates last 90
// days.
const authorityNotice = 90 * 24 * time.Hour

// isDue reports whether less than a third of the certificate's lifetime is left.
func isDue(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) < c.NotAfter.Sub(c.NotBefore)/3
}

// Follow returns an error if a must not replace old at now: if its certificate, or all of its
// authorities, are not valid yet while those of old are.
func (a *MutualTLS) Follow(old *MutualTLS, now time.Time) error {
	leaf := a.certificate.Leaf
	if now.Before(leaf.NotBefore) && isValid(old.certificate.Leaf, now) {
		return fmt.Errorf("certificate %s: it is valid only from %s on, and the one before, which is valid now, stays until then", a.certFile, second(leaf.NotBefore))
	}
	isGood := func(c *x509.Certificate) bool { return isValid(c, now) }
	if !slices.ContainsFunc(a.authorities, isGood) && slices.ContainsFunc(old.authorities, isGood) {
		return fmt.Errorf("authorities of clients %s: none of them is valid yet, and those before stay until then", a.clientCAFile)
	}
	return nil
}

func isValid(c *x509.Certificate, now time.Time) bool {
	return !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}
