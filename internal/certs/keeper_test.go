package certs

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// site is a directory with a certificate that a keeper keeps.
type site struct {
	t      *testing.T
	dir    string
	files  []Files
	store  *Store
	keeper *Keeper
	serial int64
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), store: newStore(t, usual)}
	s.keeper = NewKeeper(s.store)
	s.renew()
	s.files = []Files{{Cert: s.path("cert.pem"), Key: s.path("key.pem")}}
	r, err := s.keeper.Read(s.files, noon)
	if err != nil {
		t.Fatal(err)
	}
	if fresh := s.keeper.Use(r); len(fresh) != 1 {
		t.Fatalf("%d certificates are new, want 1", len(fresh))
	}
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

// renew writes the next certificate with its key.
func (s *site) renew(options ...option) {
	s.t.Helper()
	s.serial++
	s.place(issue(s.t, nil, append([]option{server(), func(c *x509.Certificate) { c.SerialNumber = big.NewInt(s.serial) }}, options...)...))
}

func (s *site) place(leaf issued) {
	s.t.Helper()
	s.replace("cert.pem", certPEM(leaf))
	s.replace("key.pem", keyPEM(s.t, leaf.key))
}

// replace puts a new file in the place of an old one, as renewers do.
func (s *site) replace(name string, text []byte) {
	s.t.Helper()
	next := write(s.t, s.dir, name+".new", text)
	if err := os.Rename(next, s.path(name)); err != nil {
		s.t.Fatal(err)
	}
}

// look looks once, at so many minutes past noon.
func (s *site) look(minute int) ([]Info, error) {
	return s.keeper.Look(noon.Add(time.Duration(minute) * time.Minute))
}

func (s *site) wantNothing(minute int) {
	s.t.Helper()
	if fresh, err := s.look(minute); len(fresh) > 0 || err != nil {
		s.t.Errorf("minute %d: %v, %v; want nothing new", minute, fresh, err)
	}
}

func (s *site) wantServed(serial int64) {
	s.t.Helper()
	if got := s.store.Default().certificate.Leaf.SerialNumber.Int64(); got != serial {
		s.t.Errorf("serial number %d is served, want %d", got, serial)
	}
}

func TestReplacedFilesAreTakenOverOnceTheyRest(t *testing.T) {
	s := newSite(t)
	s.wantNothing(1)
	config := configOf(s.store)
	s.renew()
	s.wantNothing(2) // they may still be changing
	s.wantServed(1)
	fresh, err := s.look(3)
	if err != nil || len(fresh) != 1 || !fresh[0].LoadedAt.Equal(noon.Add(3*time.Minute)) {
		t.Errorf("got %+v, %v", fresh, err)
	}
	s.wantServed(2)
	if configOf(s.store) == config {
		t.Error("handshakes get the old configuration")
	}
	s.wantNothing(4)
}

func TestHalfARenewalIsNotRead(t *testing.T) {
	s := newSite(t)
	key, err := os.ReadFile(s.path("key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	s.renew()
	newKey, err := os.ReadFile(s.path("key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	s.replace("key.pem", key)
	s.wantNothing(1)
	s.replace("key.pem", newKey)
	s.wantNothing(2)
	if fresh, err := s.look(3); len(fresh) != 1 || err != nil {
		t.Errorf("got %v, %v", fresh, err)
	}
	s.wantServed(2)
}

func TestATouchedFileIsNotNew(t *testing.T) {
	s := newSite(t)
	if err := os.Chtimes(s.path("cert.pem"), noon, noon); err != nil {
		t.Fatal(err)
	}
	s.wantNothing(1)
	s.wantNothing(2)
	if at := s.store.Certificates()[0].LoadedAt; !at.Equal(noon) {
		t.Errorf("loaded at %v, want noon", at)
	}
}

func TestABadFileKeepsTheOldSetAndSaysWhy(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(s *site)
		want  string // CERT and KEY stand for the paths
	}{
		{"garbage", func(s *site) { s.replace("cert.pem", []byte("garbage")) }, "certificate CERT: there is no PEM certificate in the file"},
		{"empty", func(s *site) { s.replace("key.pem", nil) }, "private key KEY: there is no PEM private key in the file"},
		{"another's key", func(s *site) { s.replace("key.pem", keyPEM(s.t, issue(s.t, nil, server()).key)) }, "certificate CERT with private key KEY: tls: private key does not match"},
		{"expired", func(s *site) { s.renew(valid(noon.Add(-48*time.Hour), noon.Add(-24*time.Hour))) }, "certificate CERT: it expired on 2026-05-31"},
		{"a directory", func(s *site) {
			os.Remove(s.path("cert.pem"))
			if err := os.Mkdir(s.path("cert.pem"), 0o700); err != nil {
				s.t.Fatal(err)
			}
		}, "read certificate: read CERT: is a directory"},
		{"an empty directory", func(s *site) {
			os.Remove(s.path("cert.pem"))
			os.Remove(s.path("key.pem"))
		}, "read certificate: open CERT: no such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			config := configOf(s.store)
			c.spoil(s)
			s.wantNothing(1)
			want := strings.NewReplacer("CERT", s.path("cert.pem"), "KEY", s.path("key.pem")).Replace(c.want)
			for minute := 2; minute < 4; minute++ { // it is tried again each time
				_, err := s.look(minute)
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				if f := s.keeper.Failure(s.path("cert.pem")); f.Err == nil || !f.At.Equal(noon.Add(time.Duration(minute)*time.Minute)) {
					t.Errorf("the failure told is %+v", f)
				}
			}
			if configOf(s.store) != config {
				t.Error("the configuration was changed")
			}
			s.wantServed(1)

			if err := os.RemoveAll(s.path("cert.pem")); err != nil {
				t.Fatal(err)
			}
			s.serial = 10
			s.renew()
			if _, err := s.look(5); err == nil {
				t.Error("the failure is forgotten while the files change")
			}
			if fresh, err := s.look(6); len(fresh) != 1 || err != nil {
				t.Errorf("got %v, %v", fresh, err)
			}
			s.wantServed(11)
			if f := s.keeper.Failure(s.path("cert.pem")); f.Err != nil || len(s.keeper.Failures()) > 0 {
				t.Errorf("the failure told is still %+v", f)
			}
		})
	}
}

func TestAReadingOfOtherFilesThatFailsIsNotTheFilesFailure(t *testing.T) {
	s := newSite(t)
	_, err := s.keeper.Read([]Files{{Cert: s.path("none"), Key: s.path("none")}}, noon)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if f := s.keeper.Failure(s.path("cert.pem")); f.Err != nil {
		t.Errorf("the failure told is %+v", f)
	}
	s.wantNothing(1)
}

func TestTheErrorNamesEveryBadCertificate(t *testing.T) {
	s := newSite(t)
	files := append([]Files{{Cert: s.path("a"), Key: s.path("a")}}, s.files...)
	files = append(files, Files{Cert: s.path("b"), Key: s.path("b")})
	_, err := s.keeper.Read(files, noon)
	if err == nil || !strings.Contains(err.Error(), s.path("a")+": no such file") || !strings.Contains(err.Error(), s.path("b")+": no such file") {
		t.Errorf("got %v", err)
	}
}

// withNeighbour is a site with a second certificate in front, for neighbour.example, that is kept
// as well.
func withNeighbour(t *testing.T) (s *site, renew func(options ...option)) {
	t.Helper()
	s = newSite(t)
	serial := int64(100)
	renew = func(options ...option) {
		t.Helper()
		serial++
		leaf := issue(t, nil, append([]option{forHosts("neighbour.example"), func(c *x509.Certificate) { c.SerialNumber = big.NewInt(serial) }}, options...)...)
		s.replace("n.pem", certPEM(leaf))
		s.replace("n.key", keyPEM(t, leaf.key))
	}
	renew()
	s.files = append([]Files{{Cert: s.path("n.pem"), Key: s.path("n.key")}}, s.files...)
	r, err := s.keeper.Read(s.files, noon)
	if err != nil {
		t.Fatal(err)
	}
	s.keeper.Use(r)
	return s, renew
}

func TestABadFileDoesNotKeepOthersFromBeingRenewed(t *testing.T) {
	s, renewNeighbour := withNeighbour(t)
	s.replace("cert.pem", []byte("garbage"))
	renewNeighbour()
	s.wantNothing(1)
	fresh, err := s.look(2)
	if len(fresh) != 1 || fresh[0].Names[0] != "neighbour.example" {
		t.Errorf("new is %+v", fresh)
	}
	if err == nil || !strings.Contains(err.Error(), "certificate "+s.path("cert.pem")) {
		t.Errorf("got %v", err)
	}
	if f := s.keeper.Failure(s.path("n.pem")); f.Err != nil {
		t.Errorf("the neighbour's failure is %v", f.Err)
	}
	if all := s.store.Certificates(); len(all) != 2 || all[1].Names[0] != "www.example.org" {
		t.Errorf("in force are %+v", all)
	}

	// A reload wants all of it, and says why there is nothing.
	renewNeighbour()
	config := configOf(s.store)
	if _, err := s.keeper.Read(s.files, noon); err == nil || !strings.Contains(err.Error(), s.path("cert.pem")) {
		t.Errorf("a reload: %v", err)
	}
	if configOf(s.store) != config {
		t.Error("a reload that failed has changed something")
	}
}

func TestAFileThatHasOnlyGrownOldDoesNotHinderAReload(t *testing.T) {
	s, renewNeighbour := withNeighbour(t)
	now := noon.Add(90 * 24 * time.Hour)
	renewNeighbour(valid(now.Add(-time.Hour), now.Add(time.Hour)))
	r, err := s.keeper.Read(s.files, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Unrenewed) != 1 || !strings.Contains(r.Unrenewed[0].Error(), s.path("cert.pem")+": it expired") {
		t.Errorf("left as they were: %v", r.Unrenewed)
	}
	if fresh := s.keeper.Use(r); len(fresh) != 1 || fresh[0].Names[0] != "neighbour.example" {
		t.Errorf("new is %+v", fresh)
	}
	if fresh, err := s.keeper.Look(now); len(fresh) > 0 || err != nil {
		t.Errorf("a look: %v, %v", fresh, err)
	}

	// The same certificate in a new file is a renewal that is none.
	text, err := os.ReadFile(s.path("cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	s.replace("cert.pem", text)
	if _, err := s.keeper.Read(s.files, now); err == nil {
		t.Error("a file that was replaced by an expired certificate is taken")
	}
}

func TestAReadingOfTheSameFilesLeavesSessionsAlone(t *testing.T) {
	s := newSite(t)
	config := configOf(s.store)
	r, err := s.keeper.Read(s.files, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if fresh := s.keeper.Use(r); len(fresh) > 0 || configOf(s.store) != config {
		t.Errorf("new is %v; another configuration: %v", fresh, configOf(s.store) != config)
	}
}

func TestUnreadableKeys(t *testing.T) {
	s := newSite(t)
	if got := s.keeper.Unreadable(); len(got) > 0 {
		t.Errorf("unreadable: %q", got)
	}
	os.Remove(s.path("key.pem"))
	if got := s.keeper.Unreadable(); len(got) != 1 || got[0] != s.path("key.pem") {
		t.Errorf("unreadable: %q", got)
	}
}

// early is a certificate that is valid from an hour past noon on.
func early() option { return valid(noon.Add(time.Hour), noon.Add(90*24*time.Hour)) }

func TestACertificateThatIsNotValidYetDoesNotReplaceOneThatIs(t *testing.T) {
	s := newSite(t)
	s.renew(early())
	_, err := s.keeper.Read(s.files, noon)
	if err == nil || !strings.Contains(err.Error(), s.path("cert.pem")+": it is valid only from 2026-06-01T13:00:00Z on") {
		t.Errorf("a reload says %v", err)
	}
	s.wantServed(1)
	// The watch tells it as well, and takes it over when its time has come.
	for minute := 1; minute < 60; minute += 20 {
		if fresh, err := s.look(minute); len(fresh) > 0 || err == nil || !strings.Contains(err.Error(), "stays until then") {
			t.Errorf("minute %d: %v, %v", minute, fresh, err)
		}
		s.wantServed(1)
	}
	if fresh, err := s.look(60); len(fresh) != 1 || err != nil {
		t.Errorf("at its beginning: %v, %v", fresh, err)
	}
	s.wantServed(2)
}

func TestACertificateThatIsNotValidYetIsBetterThanOneThatIsOver(t *testing.T) {
	s := newSite(t)
	ends := noon.Add(89 * 24 * time.Hour)
	s.renew(valid(ends.Add(time.Hour), ends.Add(48*time.Hour)))
	r, err := s.keeper.Read(s.files, ends.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	s.keeper.Use(r)
	s.wantServed(2)
}

func TestOtherFilesDoNotTakeAValidCertificateAway(t *testing.T) {
	s := newSite(t)
	next := issue(t, nil, server(), early())
	files := Files{Cert: write(t, s.dir, "next.pem", certPEM(next)), Key: write(t, s.dir, "next-key.pem", keyPEM(t, next.key))}
	if _, err := s.keeper.Read([]Files{files}, noon); err == nil || !strings.Contains(err.Error(), "would take the place of the one in force for www.example.org") {
		t.Errorf("a reload with other files says %v", err)
	}
	r, err := s.keeper.Read([]Files{files, s.files[0]}, noon)
	if err != nil {
		t.Fatalf("both together: %v", err)
	}
	s.keeper.Use(r)
	if _, err := s.keeper.Read([]Files{files}, noon.Add(time.Hour)); err != nil {
		t.Errorf("at its beginning: %v", err)
	}
}
