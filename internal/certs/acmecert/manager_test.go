package acmecert

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/hassesd/hassesd/internal/certs"
)

// fakeIssuer counts what it is asked and answers as the test says. It may be called from several
// goroutines.
type fakeIssuer struct {
	answer func(ctx context.Context, host string, by Challenge) ([]byte, Challenge, error)
	advice func(id string) (advice, error) // nil: none

	mu    sync.Mutex
	tries []try
}

type try struct {
	at   time.Time
	host string
	by   Challenge
}

func (i *fakeIssuer) issue(ctx context.Context, host string, by Challenge) ([]byte, Challenge, error) {
	i.mu.Lock()
	i.tries = append(i.tries, try{time.Now(), host, by})
	i.mu.Unlock()
	return i.answer(ctx, host, by)
}

func (i *fakeIssuer) advise(_ context.Context, id string) (advice, error) {
	if i.advice == nil {
		return advice{}, errNoAdvice
	}
	return i.advice(id)
}

func (i *fakeIssuer) asked() []try {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]try(nil), i.tries...)
}

// refusing is an issuer that always fails.
func refusing(err error) *fakeIssuer {
	return &fakeIssuer{answer: func(context.Context, string, Challenge) ([]byte, Challenge, error) { return nil, "", err }}
}

// granting is an issuer that always succeeds.
func granting(ca *fakeCA) *fakeIssuer {
	return &fakeIssuer{answer: func(_ context.Context, host string, by Challenge) ([]byte, Challenge, error) {
		return ca.keyed(host, time.Now()), by, nil
	}}
}

// newTestManager is a manager with another issuer.
func newTestManager(t *testing.T, o Options, i issuer) *Manager {
	t.Helper()
	m, err := newManager(o, newCache(o.CacheDir, o.Directory), i, &Answers{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// runFor lets a manager live for so long, in the time of the bubble.
func runFor(t *testing.T, m *Manager, d time.Duration) {
	t.Helper()
	m.Start(t.Context())
	<-time.After(d)
	synctest.Wait()
	m.Stop()
}

var errOutage = errors.New("dial tcp 192.0.2.1:443: connect: connection refused")

func TestADayOfOutageWithRestarts(t *testing.T) {
	for _, restarts := range []int{0, 7, 95} {
		t.Run(fmt.Sprint(restarts, " restarts"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, store := optionsFor(t, nil)
				i := refusing(errOutage)
				for range restarts + 1 {
					runFor(t, newTestManager(t, o, i), day/time.Duration(restarts+1))
				}
				tries := i.asked()
				if len(tries) != 5 {
					t.Errorf("%d orders in a day, want 5: %v", len(tries), tries)
				}
				for n := range tries {
					if want := []Challenge{TLSALPN01, HTTP01}[n%2]; tries[n].by != want {
						t.Errorf("try %d by %s, want %s", n+1, tries[n].by, want)
					}
				}
				if store.count() > 0 {
					t.Errorf("the store got %d certificates", store.count())
				}
			})
		})
	}
}

func TestRenewalForAYear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, store := optionsFor(t, nil)
		i := granting(ca)
		m := newTestManager(t, o, i)
		m.Start(t.Context())
		for range 365 * 4 {
			<-time.After(day / 4)
			synctest.Wait()
			info := store.pair("a.example").Info()
			if info.IsDue(time.Now()) {
				t.Fatalf("on %s less than a third is left of what ends on %s", time.Now(), info.NotAfter)
			}
		}
		m.Stop()
		if tries := i.asked(); len(tries) < 6 || len(tries) > 7 {
			t.Errorf("%d orders in a year of certificates for 90 days", len(tries))
		}
	})
}

func TestRenewalSurvivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, store := optionsFor(t, nil)
		good := granting(ca)
		var down atomic.Bool
		i := &fakeIssuer{answer: func(ctx context.Context, host string, by Challenge) ([]byte, Challenge, error) {
			if down.Load() {
				return nil, "", errOutage
			}
			return good.answer(ctx, host, by)
		}}
		m := newTestManager(t, o, i)
		m.Start(t.Context())
		<-time.After(50 * day)
		synctest.Wait()
		down.Store(true)
		<-time.After(20 * day)
		synctest.Wait()
		if s := m.Status(time.Now())[0]; s.Failures < 5 || s.LastError != errOutage.Error() || !s.NextTry.After(time.Now()) || s.NotAfter.IsZero() {
			t.Errorf("after an outage of days: %+v", s)
		}
		down.Store(false)
		<-time.After(2 * day)
		synctest.Wait()
		if o := m.Orders(); o.Issued != 2 || o.Failed < 5 || o.Cut != 0 {
			t.Errorf("orders %+v", o)
		}
		if s := m.Status(time.Now())[0]; s.Failures != 0 || s.LastError != "" || store.count() != 2 {
			t.Errorf("%d certificates; after the outage: %+v", store.count(), s)
		}
		m.Stop()
	})
}

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

func TestRetryAfterIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := optionsFor(t, nil)
		limit := &acme.Error{StatusCode: 429, ProblemType: "urn:ietf:params:acme:error:rateLimited", Header: http.Header{"Retry-After": {"10800"}}}
		i := refusing(fmt.Errorf("order: %w", limit))
		runFor(t, newTestManager(t, o, i), 2*time.Hour)
		runFor(t, newTestManager(t, o, i), 59*time.Minute) // remembered across a restart
		if n := len(i.asked()); n != 1 {
			t.Errorf("%d orders within the three hours that the authority asked for", n)
		}
		runFor(t, newTestManager(t, o, i), 2*time.Minute)
		if n := len(i.asked()); n != 2 {
			t.Errorf("%d orders just after the three hours, want 2", n)
		}
	})
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

func TestATryThatIsCutShortCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := optionsFor(t, nil)
		i := &fakeIssuer{answer: func(ctx context.Context, _ string, _ Challenge) ([]byte, Challenge, error) {
			<-ctx.Done()
			return nil, "", ctx.Err()
		}}
		m := newTestManager(t, o, i)
		m.Start(t.Context())
		synctest.Wait()
		if s := m.Status(time.Now())[0]; !s.IsOrdering || s.Failures != 0 || s.LastError != "" || s.NextTry.After(time.Now()) {
			t.Errorf("while it is ordering: %+v", s)
		}
		m.Stop()
		if o := m.Orders(); o != (Orders{Cut: 1}) {
			t.Errorf("orders %+v", o)
		}
		m = newTestManager(t, o, i)
		runFor(t, m, 30*time.Second)
		if n := len(i.asked()); n != 1 {
			t.Errorf("%d orders within a minute of a try that was cut short", n)
		}
		if s := m.Status(time.Now())[0]; s.Failures != 1 || s.LastError != interrupted || s.IsOrdering {
			t.Errorf("status %+v", s)
		}
	})
}

func TestATryThatTakesTooLongEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := optionsFor(t, nil)
		i := &fakeIssuer{answer: func(ctx context.Context, _ string, _ Challenge) ([]byte, Challenge, error) {
			<-ctx.Done()
			return nil, "", fmt.Errorf("wait for the order: %w", ctx.Err())
		}}
		m := newTestManager(t, o, i)
		runFor(t, m, tryTimeout+time.Second)
		if s := m.Status(time.Now())[0]; s.Failures != 1 || !strings.Contains(s.LastError, "deadline exceeded") {
			t.Errorf("status %+v", s)
		}
	})
}

func TestHostsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, store := optionsFor(t, nil)
		o.Hosts = []string{"bad.example", "good.example"}
		i := &fakeIssuer{answer: func(ctx context.Context, host string, by Challenge) ([]byte, Challenge, error) {
			if host == "bad.example" {
				<-ctx.Done()
				return nil, "", ctx.Err()
			}
			return ca.keyed(host, time.Now()), by, nil
		}}
		runFor(t, newTestManager(t, o, i), time.Second)
		if store.pair("good.example") == nil || store.pair("bad.example") != nil {
			t.Errorf("certificates: %v", store.pairs)
		}
	})
}

func TestOrdersAtOnceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, store := optionsFor(t, nil)
		ca := newSigner(t)
		o.Hosts = nil
		for n := range 3 * ordersAtOnce {
			o.Hosts = append(o.Hosts, fmt.Sprintf("h%d.example", n))
		}
		var mu sync.Mutex
		now, most := 0, 0
		i := &fakeIssuer{answer: func(_ context.Context, host string, by Challenge) ([]byte, Challenge, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			<-time.After(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return ca.keyed(host, time.Now()), by, nil
		}}
		runFor(t, newTestManager(t, o, i), time.Minute)
		if most != ordersAtOnce || store.count() != len(o.Hosts) {
			t.Errorf("%d orders at once, %d certificates; want %d and %d", most, store.count(), ordersAtOnce, len(o.Hosts))
		}
	})
}

func TestWithoutMemoryNothingIsOrdered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _ := optionsFor(t, nil)
		i := granting(newSigner(t))
		m := newTestManager(t, o, i)
		if err := os.WriteFile(m.cache.dir, nil, 0o600); err != nil { // no directory can be made here
			t.Fatal(err)
		}
		runFor(t, m, time.Hour)
		if n := len(i.asked()); n != 0 {
			t.Errorf("%d orders that could not be remembered", n)
		}
		if s := m.Status(time.Now())[0]; s.Failures < 2 || !strings.Contains(s.LastError, "could not be remembered") {
			t.Errorf("status %+v", s)
		}
	})
}

func TestACertificateForSomebodyElseIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, store := optionsFor(t, nil)
		m := newTestManager(t, o, &fakeIssuer{answer: func(_ context.Context, _ string, by Challenge) ([]byte, Challenge, error) {
			return ca.keyed("b.example", time.Now()), by, nil
		}})
		runFor(t, m, time.Second)
		if s := m.Status(time.Now())[0]; store.count() != 0 || s.Failures != 1 || !strings.Contains(s.LastError, "of no use") {
			t.Errorf("%d certificates, status %+v", store.count(), s)
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

				// Whoever starts it again finds what was assumed, and orders nothing before an hour
				// is over.
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

func TestAClockThatIsPutRightLetsTheCacheBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, _ := optionsFor(t, nil)
		// By a clock that is a year ahead, the certificate in the cache has expired long ago.
		file := filepath.Join(newCache(o.CacheDir, o.Directory).dir, "a.example.pem")
		if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, ca.keyed("a.example", time.Now().Add(-365*day)), 0o600); err != nil {
			t.Fatal(err)
		}
		store := newFakeStore()
		o.Store = store
		m := newTestManager(t, o, refusing(errOutage))
		m.Start(t.Context())
		<-time.After(5 * time.Minute)
		if store.count() != 0 {
			t.Fatal("it is served")
		}
		// Time cannot be turned back here; the certificate is as good as if it had been.
		if err := os.WriteFile(file, ca.keyed("a.example", time.Now()), 0o600); err != nil {
			t.Fatal(err)
		}
		<-time.After(maxSleepWithout + time.Second)
		m.Stop()
		if store.count() != 1 {
			t.Error("the cache was not read again")
		}
		if s := m.Status(time.Now())[0]; s.NotAfter.IsZero() {
			t.Errorf("status %+v", s)
		}
	})
}

func TestStopBeforeStart(t *testing.T) {
	o, _ := optionsFor(t, nil)
	newTestManager(t, o, refusing(errOutage)).Stop()
}

func TestAnAuthorityCanHaveACertificateRenewedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, store := optionsFor(t, nil)
		i := granting(ca)
		var asked, revoking atomic.Int32
		i.advice = func(string) (advice, error) {
			asked.Add(1)
			now := time.Now()
			a := advice{now.Add(80 * day), now.Add(askForAdvice)} // later than we would
			if revoking.Load() > 0 {
				a.renewAt = now.Add(-time.Hour)
			}
			return a, nil
		}
		m := newTestManager(t, o, i)
		m.Start(t.Context())
		<-time.After(10*day + time.Hour)
		synctest.Wait()
		if n := asked.Load(); n != 41 || store.count() != 1 {
			t.Errorf("asked %d times in ten days, want 41; %d certificates", n, store.count())
		}
		revoking.Store(1)
		<-time.After(askForAdvice)
		synctest.Wait()
		if store.count() != 2 {
			t.Errorf("%d certificates after the authority wanted it renewed at once", store.count())
		}
		// Although it goes on wanting that, there is no more than one a day.
		<-time.After(10 * day)
		synctest.Wait()
		if store.count() < 9 || store.count() > 12 {
			t.Errorf("%d certificates after ten days more", store.count())
		}
		m.Stop()
	})
}
