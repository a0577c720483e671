package acmecert

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestACertificateThatCouldNotBeStoredIsStoredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, store := optionsFor(t, nil)
		dir := newCache(o.CacheDir, o.Directory).dir
		blocked := filepath.Join(dir, certificateFile("a.example"), "in the way") // nothing replaces a full directory
		i := &fakeIssuer{answer: func(_ context.Context, host string, _ Challenge) ([]byte, Challenge, error) {
			return ca.keyed(host, time.Now()), HTTP01, os.MkdirAll(blocked, 0o700)
		}}
		m := newTestManager(t, o, i)
		m.Start(t.Context())
		<-time.After(5 * time.Hour)
		synctest.Wait()
		failed := m.Status(time.Now())[0]
		if store.count() != 1 || failed.Failures != 1 || !strings.Contains(failed.LastError, "cannot be stored") {
			t.Fatalf("%d certificates, status %+v", store.count(), failed)
		}
		if err := os.RemoveAll(filepath.Dir(blocked)); err != nil {
			t.Fatal(err)
		}
		<-time.After(maxSleep + time.Second)
		synctest.Wait()
		m.Stop()
		for when, m := range map[string]*Manager{"before a restart": m, "after it": newTestManager(t, o, refusing(errOutage))} {
			s := m.Status(time.Now())[0]
			if s.Failures != 0 || s.LastError != "" || s.Challenge != HTTP01 || !s.RenewedAt.Equal(failed.RenewedAt) || !s.NotAfter.Equal(failed.NotAfter) {
				t.Errorf("%s: %+v", when, s)
			}
		}
		if n := len(i.asked()); n != 1 {
			t.Errorf("%d orders, want 1", n)
		}
	})
}

// A failure that has nothing to do with storing is not forgotten because the certificate before it
// could be stored.
func TestWhatIsStoredLateForgetsNoOtherFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newSigner(t)
		o, _ := optionsFor(t, nil)
		blocked := filepath.Join(newCache(o.CacheDir, o.Directory).dir, certificateFile("a.example"), "in the way")
		i := &fakeIssuer{}
		i.answer = func(_ context.Context, host string, by Challenge) ([]byte, Challenge, error) {
			if len(i.asked()) > 1 {
				return nil, "", errOutage
			}
			return ca.keyed(host, time.Now()), by, os.MkdirAll(blocked, 0o700)
		}
		i.advice = func(string) (advice, error) {
			return advice{time.Now().Add(-time.Hour), time.Now().Add(askForAdvice)}, nil // renew as soon as you may
		}
		m := newTestManager(t, o, i)
		m.Start(t.Context())
		<-time.After(2 * day)
		synctest.Wait()
		if err := os.RemoveAll(filepath.Dir(blocked)); err != nil {
			t.Fatal(err)
		}
		<-time.After(maxSleep + time.Second)
		synctest.Wait()
		m.Stop()
		if _, err := os.Stat(filepath.Dir(blocked)); err != nil {
			t.Errorf("it is not stored: %v", err)
		}
		if s := m.Status(time.Now())[0]; s.Failures < 2 || s.LastError != errOutage.Error() {
			t.Errorf("status %+v", s)
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
