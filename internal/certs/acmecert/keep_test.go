package acmecert

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/acme"
)

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
