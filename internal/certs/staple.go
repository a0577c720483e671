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

// addStaple reads the OCSP answer in file, which must say that the leaf of the chain is good. One that is over, or not good
// yet, is left out for that long, which is complained of: clients do without it, unless the certificate says that they
// must not.
func (p *Pair) addStaple(file string, chain []*x509.Certificate, now time.Time) error {
	der, _, err := readFile(file)
	if err != nil {
		return fmt.Errorf("read OCSP answer: %w", err)
	}
	s := staple{certificate: p.certificate}
	s.certificate.OCSPStaple = der
	if s.from, s.until, err = checkStaple(der, chain); err != nil {
		return fmt.Errorf("OCSP answer %s: %w", file, err)
	}
	if isMustStaple(chain[0]) && !s.isGood(now) {
		what := "it ended at " + second(s.until)
		if now.Before(s.from) {
			what = "it is good only from " + second(s.from) + " on"
		}
		return fmt.Errorf("OCSP answer %s: %s, and the certificate demands one; fetch it anew", file, what)
	}
	p.info.StapleFile, p.info.StapleFrom, p.info.StapleUntil = file, s.from, s.until
	p.staples = []staple{s}
	return nil
}

// keepStaple keeps the answer that old serves at now, if the new one cannot be served yet, or not any more: it is of the
// same certificate, and good until its own end.
func (p *Pair) keepStaple(old *Pair, now time.Time) {
	if len(p.staples) == 0 || p.staples[0].isGood(now) || p.info.SHA256 != old.info.SHA256 {
		return
	}
	for _, s := range old.staples {
		if s.isGood(now) {
			kept := staple{certificate: p.certificate, from: s.from, until: s.until}
			kept.certificate.OCSPStaple = s.certificate.OCSPStaple
			p.staples = append(p.staples[:1], kept)
			return
		}
	}
}

// stapleComplaint is what there is to say of the OCSP answer's end at now; empty: nothing.
func (i Info) stapleComplaint(now time.Time) string {
	left, end := i.StapleUntil.Sub(now), second(i.StapleUntil)
	switch {
	case i.StapleFile == "":
		return ""
	case now.Before(i.StapleFrom):
		return fmt.Sprintf("its OCSP answer %s is good only from %s on and is left out until then; is the clock right?", i.StapleFile, second(i.StapleFrom))
	case left <= 0:
		return fmt.Sprintf("its OCSP answer %s ended at %s and is left out; fetch it anew", i.StapleFile, end)
	case left >= stapleSoon:
		return ""
	}
	return fmt.Sprintf("its OCSP answer %s ends at %s and is then left out; fetch it anew", i.StapleFile, end)
}

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
