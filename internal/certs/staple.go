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
	until       time.Time
}

const (
	// stapleWithoutEnd is how long an answer that does not say when it ends is served.
	stapleWithoutEnd = 24 * time.Hour
	// stapleSoon is how long before its end an answer is warned of: CAs sign for days, and whoever fetches it does so
	// every few hours.
	stapleSoon = 12 * time.Hour
)

// addStaple reads the OCSP answer in file, which must say that the leaf of the chain is good. One that is over is left
// out, which is complained of: clients do without it, unless the certificate says that they must not.
func (p *Pair) addStaple(file string, chain []*x509.Certificate, now time.Time) error {
	der, _, err := readFile(file)
	if err != nil {
		return fmt.Errorf("read OCSP answer: %w", err)
	}
	until, err := checkStaple(der, chain)
	if err != nil {
		return fmt.Errorf("OCSP answer %s: %w", file, err)
	}
	if !now.Before(until) && isMustStaple(chain[0]) {
		return fmt.Errorf("OCSP answer %s: it ended at %s, and the certificate demands one; fetch it anew", file, until.UTC().Format(time.RFC3339))
	}
	p.info.StapleFile, p.info.StapleUntil = file, until
	if now.Before(until) {
		p.staple = &staple{certificate: p.certificate, until: until}
		p.staple.certificate.OCSPStaple = der
	}
	return nil
}

// stapleComplaint is what there is to say of the OCSP answer's end at now; empty: nothing.
func (i Info) stapleComplaint(now time.Time) string {
	left, end := i.StapleUntil.Sub(now), i.StapleUntil.UTC().Format(time.RFC3339)
	switch {
	case i.StapleFile == "", left >= stapleSoon:
		return ""
	case left <= 0:
		return fmt.Sprintf("its OCSP answer %s ended at %s and is left out; fetch it anew", i.StapleFile, end)
	}
	return fmt.Sprintf("its OCSP answer %s ends at %s and is then left out; fetch it anew", i.StapleFile, end)
}

// checkStaple says until when an answer can be sent.
func checkStaple(der []byte, chain []*x509.Certificate) (until time.Time, err error) {
	if len(chain) < 2 {
		return time.Time{}, errors.New("it cannot be checked without the certificate's issuer; put the whole chain into the certificate's file")
	}
	answer, err := ocsp.ParseResponseForCert(der, chain[0], chain[1])
	if err != nil {
		return time.Time{}, err
	}
	until = answer.NextUpdate
	if until.IsZero() {
		until = answer.ThisUpdate.Add(stapleWithoutEnd)
	}
	switch {
	case answer.Status == ocsp.Revoked:
		return time.Time{}, fmt.Errorf("it says that the certificate was revoked on %s", day(answer.RevokedAt))
	case answer.Status != ocsp.Good:
		return time.Time{}, errors.New("it says that the CA does not know the certificate")
	}
	return until, nil
}
