package acmecert

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hassesd/hassesd/internal/certs"
)

// TestStatusDoesNotWaitForTheCache: the lock is held while the cache is written, to a disk that may
// hang.
func TestStatusDoesNotWaitForTheCache(t *testing.T) {
	o, _ := optionsFor(t, nil)
	m := newTestManager(t, o, granting(newSigner(t)))
	before := m.Status(time.Now())
	m.mu.Lock()
	during := m.Status(time.Now())
	m.mu.Unlock()
	if len(before) != 1 || !slices.Equal(before, during) {
		t.Errorf("before: %+v, while the cache is written: %+v", before, during)
	}
}

func TestTheCacheServesTheSecondStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, store := optionsFor(t, nil)
		runFor(t, newTestManager(t, o, granting(ca)), time.Minute)
		first := store.pair("a.example").Info()

		again := newFakeStore()
		o.Store = again
		i := refusing(errOutage)
		m := newTestManager(t, o, i)
		if p := again.pair("a.example"); p == nil || p.Info().SHA256 != first.SHA256 {
			t.Fatal("the store has not got the cached certificate before Start")
		}
		runFor(t, m, 10*day)
		if n := len(i.asked()); n != 0 {
			t.Errorf("%d orders while the cached certificate is young", n)
		}
		if s := m.Status(time.Now())[0]; !s.NotAfter.Equal(first.NotAfter) || s.Challenge != TLSALPN01 || s.RenewedAt.IsZero() || !s.NextTry.After(time.Now().Add(40*day)) {
			t.Errorf("status %+v", s)
		}
	})
}

func TestACachedCertificateOfNoUseIsReplaced(t *testing.T) {
	for name, spoil := range map[string]func(ca *fakeCA, file string) []byte{
		"expired": func(ca *fakeCA, _ string) []byte {
			ca.life = time.Hour
			defer func() { ca.life = 90 * day }()
			return ca.keyed("a.example", time.Now().Add(-26*time.Hour))
		},
		"another host": func(ca *fakeCA, _ string) []byte { return ca.keyed("b.example", time.Now()) },
		"empty":        func(*fakeCA, string) []byte { return nil },
		"cut off": func(_ *fakeCA, file string) []byte {
			text, err := os.ReadFile(file)
			if err != nil {
				panic(err)
			}
			return text[:len(text)/3]
		},
		"too long": func(*fakeCA, string) []byte { return make([]byte, maxFile+1) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := newSigner(t)
				o, _ := optionsFor(t, nil)
				runFor(t, newTestManager(t, o, granting(ca)), time.Minute)
				file := filepath.Join(newCache(o.CacheDir, o.Directory).dir, "a.example.pem")
				if err := os.WriteFile(file, spoil(ca, file), 0o600); err != nil {
					t.Fatal(err)
				}
				store := newFakeStore()
				o.Store = store
				m := newTestManager(t, o, granting(ca))
				if store.count() != 0 {
					t.Error("it is served")
				}
				runFor(t, m, time.Minute)
				if store.count() != 1 {
					t.Errorf("%d certificates were issued in its place", store.count())
				}
			})
		})
	}
}

func TestAnotherAuthorityHasAnotherCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, _ := optionsFor(t, nil)
		runFor(t, newTestManager(t, o, granting(ca)), time.Minute)
		o.Directory = "https://ca.example/other"
		i := granting(ca)
		runFor(t, newTestManager(t, o, i), time.Minute)
		if n := len(i.asked()); n != 1 {
			t.Errorf("%d orders at the other authority, want 1", n)
		}
	})
}

func TestSelfSignedUntilThereIsARealOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, store := optionsFor(t, nil)
		o.SelfSigned = true
		m := newTestManager(t, o, granting(ca))
		info := store.pair("a.example").Info()
		if info.Source != certs.SourceSelfSigned || len(info.Warnings) != 1 || info.Issuer != info.Subject || len(info.Names) != 1 || info.Names[0] != "a.example" {
			t.Errorf("before: %+v", info)
		}
		if s := m.Status(time.Now())[0]; !s.NotAfter.IsZero() || s.NextTry.After(time.Now()) {
			t.Errorf("the self-signed certificate is taken for a real one: %+v", s)
		}
		runFor(t, m, time.Second)
		if info := store.pair("a.example").Info(); info.Issuer != "CN=fake root" || info.Source != certs.SourceACME {
			t.Errorf("after: %+v", info)
		}
	})
}

func TestADamagedMemoryIsSetAsideAndFailuresAssumed(t *testing.T) {
	for name, text := range map[string]string{
		"cut off":  `{"version": 1, "hos`,
		"newer":    `{"version": 2, "hosts": {}}`,
		"nonsense": `{"version": 1, "hosts": {"a.example": {"failures": -1}}}`,
		"too long": strings.Repeat(" ", maxFile+1),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca := newSigner(t)
				o, store := optionsFor(t, nil)
				runFor(t, newTestManager(t, o, granting(ca)), time.Minute)
				o.Hosts = []string{"a.example", "new.example"}
				c := newCache(o.CacheDir, o.Directory)
				for range mostDamaged + 2 {
					<-time.After(time.Second)
					if err := c.write(stateFile, []byte(text)); err != nil {
						t.Fatal(err)
					}
					newTestManager(t, o, refusing(errOutage))
				}
				if kept, _ := filepath.Glob(filepath.Join(c.dir, damagedPrefix+"*")); len(kept) != mostDamaged {
					t.Errorf("%d damaged ones are kept, want %d", len(kept), mostDamaged)
				} else if got, err := os.ReadFile(kept[0]); err != nil || string(got) != text {
					t.Errorf("what was set aside is %.20q, %v", got, err)
				}

				// The next start finds what was assumed, and orders nothing before an hour is over.
				i := granting(ca)
				m := newTestManager(t, o, i)
				if store.pair("a.example") == nil {
					t.Error("the certificate is not served")
				}
				if s := m.Status(time.Now())[1]; s.Failures != failuresAssumed || !strings.Contains(s.LastError, "not remembered") {
					t.Errorf("status %+v", s)
				}
				runFor(t, m, 59*time.Minute)
				if n := len(i.asked()); n != 0 {
					t.Errorf("%d orders within the hour", n)
				}
				runFor(t, newTestManager(t, o, i), 14*time.Minute)
				if asked := i.asked(); len(asked) != 1 || asked[0].host != "new.example" {
					t.Errorf("orders after it: %+v", asked)
				}
			})
		})
	}
}

func TestACertificateThatHasOnlyJustExpiredIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, _ := optionsFor(t, nil)
		ca.life = time.Hour
		runFor(t, newTestManager(t, o, granting(ca)), time.Minute)
		<-time.After(20 * time.Hour)
		store := newFakeStore()
		o.Store = store
		i := granting(ca)
		m := newTestManager(t, o, i)
		if p := store.pair("a.example"); p == nil || p.Info().Left(time.Now()) >= 0 {
			t.Fatalf("served: %+v", p)
		}
		runFor(t, m, time.Second)
		if n := len(i.asked()); n != 1 || store.pair("a.example").Info().Left(time.Now()) <= 0 {
			t.Errorf("%d orders for a new one", n)
		}
	})
}
