package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/ocsp"
)

// staple is an OCSP response that is sent with the certificate. Another program keeps its file
// fresh: to fetch responses itself, the daemon would need to make outgoing connections.
type staple struct {
	certificate tls.Certificate // with the response
	from, until time.Time
}

// isGood reports whether clients accept the response at now. They refuse one that is not valid yet,
// too.
func (s *staple) isGood(now time.Time) bool { return !now.Before(s.from) && now.Before(s.until) }

const (
	// stapleWithoutEnd is how long to serve a response without an end.
	stapleWithoutEnd = 24 * time.Hour
	// stapleSoon is how long before its end a response is reported. CAs sign for days, and programs
	// fetch responses every few hours.
	stapleSoon = 12 * time.Hour
)

// checkStaple returns the period in which a response can be sent.
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
