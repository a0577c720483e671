package daemon

import (
	"math"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/certs"
)

// list returns the certificates that subscribers may be shown, or will be.
func (c *certificates) list(now time.Time) []api.Certificate {
	if c.store == nil {
		return nil
	}
	var byDefault string
	if pair := c.store.Default(); pair != nil {
		byDefault = pair.Info().SHA256
	}
	var list []api.Certificate
	for _, info := range c.store.Certificates() {
		one := describe(info, info.Problems(now), now)
		one.Default = info.SHA256 == byDefault
		failure := c.files.Failure(info.CertFile)
		addFailure(&one, failure.Err, failure.At, c.nextTry())
		list = append(list, one)
	}
	return c.withACME(list, now)
}

// withACME adds the state of each ACME host to its certificate in the list, or as a certificate
// that does not exist yet.
func (c *certificates) withACME(list []api.Certificate, now time.Time) []api.Certificate {
	if c.acme == nil {
		return list
	}
	for _, s := range c.acme.Status(now) {
		i := slices.IndexFunc(list, func(one api.Certificate) bool {
			isOurs := one.Source == string(certs.SourceACME) || one.Source == string(certs.SourceSelfSigned)
			return isOurs && slices.Contains(one.Names, s.Host)
		})
		if i < 0 {
			list = append(list, api.Certificate{Names: []string{s.Host}, Source: string(certs.SourceACME), Warnings: []string{}})
			i = len(list) - 1
		}
		one := &list[i]
		if !s.RenewedAt.IsZero() && !s.NotAfter.IsZero() {
			one.LoadedAt = s.RenewedAt
		}
		one.LastError, one.LastErrorAt, one.NextTry = s.LastError, s.FailedAt, s.NextTry
	}
	return list
}

// describe returns a certificate as the control protocol lists it.
func describe(info certs.Info, problems []string, now time.Time) api.Certificate {
	return api.Certificate{
		Names:       info.Names,
		Source:      string(info.Source),
		CertFile:    info.CertFile,
		KeyFile:     info.KeyFile,
		Subject:     info.Subject,
		Issuer:      info.Issuer,
		Key:         info.Key,
		NotBefore:   info.NotBefore,
		NotAfter:    info.NotAfter,
		DaysLeft:    daysLeft(info, now),
		Due:         info.IsDue(now),
		StapleUntil: info.StapleUntil,
		LoadedAt:    info.LoadedAt,
		SHA256:      info.SHA256,
		Warnings:    append([]string{}, problems...),
	}
}

// addFailure adds that replaced files could not be read, and when they are read again.
func addFailure(c *api.Certificate, err error, at, next time.Time) {
	if err != nil {
		c.LastError, c.LastErrorAt, c.NextTry = err.Error(), at, next
	}
}

// daysLeft returns how many whole days a certificate has left, negative once it has expired.
func daysLeft(info certs.Info, now time.Time) int {
	return int(math.Floor(info.Left(now).Hours() / 24))
}
