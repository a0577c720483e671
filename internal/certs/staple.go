package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ocsp"
)

// staple is an OCSP answer that is sent with the certificate. It is a file that somebody else keeps fresh: a daemon that
// asked the CA itself would need a way out to the network.
type staple struct {
	certificate tls.Certificate // with the answer
	from, until time.Time
}

// isGood reports whether clients accept the answer at now. One from the future is refused as one that is over is.
func (s *staple) isGood(now time.Time) bool { return !now.Before(s.from) && now.Before(s.until) }

const (
	// stapleWithoutEnd is how long an answer that does not say when it ends is served.
	stapleWithoutEnd = 24 * time.Hour
	// stapleSoon is how long before its end an answer is warned of: CAs sign for days, and whoever fetches it does so
	// every few hours.
	stapleSoon = 12 * time.Hour
)

// checkStaple returns from when until when an answer can be sent.
func checkStaple(der []byte, chain []*x509.Certificate) (from, until time.Time, err error) {
	if len(chain) < 2 {
		return from, until, errors.New("it cannot be checked without the certificate's issuer; put the whole chain into the certificate's file")
	}
	answer, err := ocsp.ParseResponseForCert(der, chain[0], chain[1])
	if err != nil {
		return from, until, err
	}
	from, until = answer.ThisUpdate, answer.NextUpdate
	if until.IsZero() {
		until = answer.ThisUpdate.Add(stapleWithoutEnd)
	}
	switch {
	case answer.Status == ocsp.Revoked:
		return from, until, fmt.Errorf("it says that the certificate was revoked on %s", day(answer.RevokedAt))
	case answer.Status != ocsp.Good:
		return from, until, errors.New("it says that the CA does not know the certificate")
	}
	return from, until, nil
}
