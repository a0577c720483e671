package certs

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// restarted is the store of the next start, the time away later, with what was kept of this one;
// and how many keys it took.
func (s *Store) restarted(t *testing.T, away time.Duration, policy Policy, pairs ...*Pair) (*Store, int) {
	t.Helper()
	kept, ok := s.TicketKeys()
	if !ok {
		t.Fatal("there is nothing to keep")
	}
	keys, err := ParseTicketKeys(kept.Encode())
	if err != nil {
		t.Fatal(err)
	}
	next := newStore(t, policy, pairs...)
	later := s.now().Add(away)
	next.now = func() time.Time { return later }
	return next, next.RestoreTickets(keys)
}

func TestASessionOutlivesARestart(t *testing.T) {
	pair := pairOf(t, issue(t, nil, server()))
	for _, version := range bothVersions {
		s := newStore(t, usual, pair)
		r := newResumer(t, s, version)
		r.want(false, "first")
		s.rotateNow()
		next, n := s.restarted(t, time.Minute, usual, pair)
		if n != 2 {
			t.Errorf("%d keys were taken over, want 2", n)
		}
		r.s = next
		r.want(true, "after the restart")
		r.want(true, "with a ticket of after the restart")
		if r.s, n = next.restarted(t, time.Minute, usual, pair); n != 2 {
			t.Errorf("%d keys were taken over the second time, want 2", n)
		}
		r.want(true, "after another restart")
	}
}

func TestASessionDoesNotOutliveWhatItWasAgreedUnder(t *testing.T) {
	pair, other := pairOf(t, issue(t, nil, server())), pairOf(t, issue(t, nil, server()))
	strict, off := usual, usual
	strict.SNIStrict, off.Tickets = true, false
	for _, version := range bothVersions {
		for name, restart := range map[string]func(*Store) (*Store, int){
			"another certificate": func(s *Store) (*Store, int) { return s.restarted(t, time.Minute, usual, other) },
			"one more":            func(s *Store) (*Store, int) { return s.restarted(t, time.Minute, usual, pair, other) },
			"another policy":      func(s *Store) (*Store, int) { return s.restarted(t, time.Minute, strict, pair) },
			"no tickets":          func(s *Store) (*Store, int) { return s.restarted(t, time.Minute, off, pair) },
			"a day":               func(s *Store) (*Store, int) { return s.restarted(t, ticketLife, usual, pair) },
			"a clock set back":    func(s *Store) (*Store, int) { return s.restarted(t, -time.Minute, usual, pair) },
		} {
			s := newStore(t, usual, pair)
			r := newResumer(t, s, version)
			r.want(false, "first")
			var n int
			if r.s, n = restart(s); n != 0 {
				t.Errorf("%s: %d keys were taken over", name, n)
			}
			r.want(false, "after a restart with "+name)
		}
	}
}

func TestKeysAreRotatedOnTimeWhateverHappens(t *testing.T) {
	pair := pairOf(t, issue(t, nil, server()))
	s := newStore(t, usual, pair)
	r := newResumer(t, s, tls.VersionTLS13)
	r.want(false, "first")
	if next := s.RotateTickets(); next != TicketRotation {
		t.Errorf("the first key is to be used for %s", next)
	}
	// Restarts, each before a rotation would have been due: the keys age all the same.
	for hours, want := range map[int]time.Duration{3: 5 * time.Hour, 7: time.Hour, 8: TicketRotation, 20: TicketRotation} {
		next, n := s.restarted(t, time.Duration(hours)*time.Hour, usual, pair)
		if n != 1 {
			t.Fatalf("after %d hours %d keys were taken over", hours, n)
		}
		if got := next.RotateTickets(); got != want {
			t.Errorf("after %d hours the newest key is to be used for %s, want %s", hours, got, want)
		}
		old := *r
		old.s, old.config = next, r.config.Clone()
		session, _ := r.config.ClientSessionCache.Get("www.example.org")
		old.config.ClientSessionCache = &oneSession{session}
		old.want(true, fmt.Sprintf("after %d hours", hours))
	}
	now := noon.Add(TicketRotation)
	s.now = func() time.Time { return now }
	if next := s.RotateTickets(); next != TicketRotation {
		t.Errorf("after the rotation the key is to be used for %s", next)
	}
	if keys, _ := s.TicketKeys(); len(keys.keys) != 2 || !keys.keys[0].made.Equal(now) {
		t.Errorf("after the rotation: %+v", keys.keys)
	}
}

func TestWhoKeepsTheKeysIsTold(t *testing.T) {
	pair := pairOf(t, issue(t, nil, server()))
	s := newStore(t, usual, pair)
	drain := func() bool {
		select {
		case <-s.TicketsChanged():
			return true
		default:
			return false
		}
	}
	drain()
	if drain() {
		t.Fatal("one change is told twice")
	}
	for name, change := range map[string]func(){
		"a rotation":  s.rotateNow,
		"files":       func() { s.SetFiles([]*Pair{pairOf(t, issue(t, nil, server()))}, 0) },
		"ACME":        func() { s.SetACME("www.example.org", pair) },
		"two of them": func() { s.rotateNow(); s.rotateNow() },
		"tickets off": func() {
			if err := s.SetPolicy(Policy{MinVersion: "1.2"}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		change()
		if !drain() || drain() {
			t.Errorf("%s: not told, or told twice", name)
		}
	}
	if err := s.SetPolicy(Policy{MinVersion: "1.2"}); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.TicketKeys(); ok {
		t.Error("there are keys to keep though there are no tickets")
	}
}

func TestTicketKeysAreNotShown(t *testing.T) {
	s := newStore(t, usual, pairOf(t, issue(t, nil, server())))
	keys, _ := s.TicketKeys()
	secret := fmt.Sprintf("%d", keys.keys[0].key[:4])
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "keys", keys)
	for _, shown := range []string{log.String(), fmt.Sprint(keys), fmt.Sprintf("%v", keys)} {
		if strings.Contains(shown, strings.Trim(secret, "[]")) {
			t.Errorf("a key is shown: %s", shown)
		}
	}
}

func TestDamagedTicketKeysAreRefused(t *testing.T) {
	s := newStore(t, usual, pairOf(t, issue(t, nil, server())))
	keys, _ := s.TicketKeys()
	good := string(keys.Encode())
	for name, text := range map[string]string{
		"empty":        "",
		"cut short":    good[:len(good)/2],
		"newer":        strings.Replace(good, `"version": 1`, `"version": 2`, 1),
		"no keys":      `{"version":1,"for":"x","keys":[]}`,
		"for nobody":   `{"version":1,"keys":[{"made":"2026-06-01T12:00:00Z","key":"` + strings.Repeat("A", 42) + `E="}]}`,
		"a short key":  `{"version":1,"for":"x","keys":[{"made":"2026-06-01T12:00:00Z","key":"AAAA"}]}`,
		"an empty key": `{"version":1,"for":"x","keys":[{"made":"2026-06-01T12:00:00Z","key":"` + strings.Repeat("A", 43) + `="}]}`,
	} {
		if _, err := ParseTicketKeys([]byte(text)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := ParseTicketKeys([]byte(good)); err != nil {
		t.Errorf("good keys: %v", err)
	}
}

func FuzzParseTicketKeys(f *testing.F) {
	f.Add([]byte(`{"version":1,"for":"x","keys":[{"made":"2026-06-01T12:00:00Z","key":"` + strings.Repeat("A", 42) + `E="}]}`))
	f.Add([]byte(`{"version":1,"for":"x","keys":[null]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := ParseTicketKeys(text)
		if err != nil {
			return
		}
		if len(k.keys) == 0 || len(k.keys) > ticketKeys || k.of == "" {
			t.Errorf("%q reads as %d keys for %q", text, len(k.keys), k.of)
		}
		again, err := ParseTicketKeys(k.Encode())
		if err != nil || len(again.keys) != len(k.keys) || again.keys[0].key != k.keys[0].key {
			t.Errorf("what was read cannot be written and read again: %v", err)
		}
	})
}
