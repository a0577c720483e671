package pki

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAuthorityThatCannotSign(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	o := options{dir: dir, now: now}
	authority, err := newAuthority(now, o.lifetime(defaultAuthorityDays))
	if err != nil {
		t.Fatal(err)
	}
	alice, err := authority.issue(clientTemplate("alice"), now, o.lifetime(defaultLeafDays))
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string]*keyPair{authorityName: authority, "alice": alice} {
		if _, err := o.write(name, pair); err != nil {
			t.Fatal(err)
		}
	}
	ca := filepath.Join(dir, "ca.pem")
	if _, err := loadAuthority(ca, filepath.Join(dir, "ca-key.pem"), time.Now().Add(11*365*24*time.Hour)); err == nil || !strings.Contains(err.Error(), "expired on") {
		t.Errorf("got %v", err)
	}
	if _, err := loadAuthority(ca, filepath.Join(dir, "ca-key.pem"), time.Now().Add(-time.Hour)); err == nil || !strings.Contains(err.Error(), "valid only from") {
		t.Errorf("got %v", err)
	}
	if _, err := loadAuthority(filepath.Join(dir, "alice.pem"), filepath.Join(dir, "alice-key.pem"), time.Now()); err == nil || !strings.Contains(err.Error(), "not an authority") {
		t.Errorf("got %v", err)
	}
	short, err := newAuthority(time.Now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := short.issue(clientTemplate("x"), time.Now(), 90*24*time.Hour)
	if err != nil || leaf.cert.NotAfter.After(short.cert.NotAfter) {
		t.Errorf("the certificate outlives its authority: %v, %v", leaf, err)
	}
	leaf, err = short.issue(clientTemplate("x"), time.Now().Add(-time.Minute), time.Minute)
	if err != nil || leaf.cert.NotBefore.Before(short.cert.NotBefore) {
		t.Errorf("the certificate is older than its authority: %v, %v", leaf, err)
	}
}
