package acmecert

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/hassesd/hassesd/internal/certs"
	"github.com/hassesd/hassesd/internal/pemfile"
)

const (
	// tryTimeout bounds one try: an authority that needs longer is asked again later.
	tryTimeout = 5 * time.Minute
	// ordersAtOnce is how many hosts are ordered for at the same time.
	ordersAtOnce = 4
	// lookAgain is how long a goroutine sleeps at the most. Timers stand still while a machine is suspended and do not
	// see its clock being set, so the calendar is looked at again and again.
	maxSleep = time.Hour
	// lookAgainWithout is the same while a host has no certificate: the cache may hold one that seemed to have expired by a
	// clock that was wrong at the start.
	maxSleepWithout = time.Minute
	// maxOverdue is how long ago a certificate in the cache may have expired to be served all the same: a client that
	// looks the other way for a day is better off than with none.
	maxOverdue = 24 * time.Hour
)

// Manager keeps the certificates of its hosts valid. Its methods may be called from any goroutine.
type Manager struct {
	// Fixed after New.
	log        *slog.Logger
	store      Store
	cache      cache
	issuer     issuer
	answers    *Answers
	challenges []Challenge
	names      []string
	slots      chan struct{} // one for each order that may be under way

	// Guarded by mu, which is held while the cache is written: whoever must not wait for a disk leaves it alone.
	mu    sync.Mutex
	hosts map[string]*host

	shown atomic.Pointer[[]Status] // the last that was told; safe by itself

	// Set once, by Start.
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// host is what is known of one host. It is guarded by the manager's mu.
type host struct {
	have     validity
	advice   advice // on have
	memory   memory
	ordering bool
	before   memory // the memory without the failure noted in advance; meaningful while ordering
	unsaved  unsaved
}

// known is what has come of the tries that have ended.
func (h *host) known() memory {
	if h.ordering {
		return h.before
	}
	return h.memory
}

// next is when the authority is to be asked for a certificate.
func (h *host) next(now time.Time, name string) time.Time {
	return nextTry(now, name, h.have, h.advice.renewAt, h.known())
}

// Status is how a host stands.
type Status struct {
	Host       string
	Challenge  Challenge // by which the authority was last convinced; empty: never
	NotAfter   time.Time // of the certificate; zero: there is none
	RenewedAt  time.Time // zero: not by this daemon or the ones before it
	Failures   int       // in a row
	FailedAt   time.Time
	LastError  string // printable ASCII; empty: the last try went well
	NextTry    time.Time
	IsOrdering bool // a try is under way
}

// New reads the cache and hands the store what is still valid. Nobody is asked before Start. It is called by the user who
// owns the cache, after root was given up.
func New(o Options, now time.Time) (*Manager, error) {
	c := newCache(o.CacheDir, o.Directory)
	answers := &Answers{}
	a := &authority{
		directory: o.Directory,
		email:     o.Email,
		client:    newHTTPClient(o.Roots),
		cache:     c,
		store:     o.Store,
		answers:   answers,
		log:       o.Logger,
	}
	if o.EABKeyID != "" {
		a.eab = &acme.ExternalAccountBinding{KID: o.EABKeyID, Key: o.EABKey}
	}
	return newManager(o, c, a, answers, now)
}

func newManager(o Options, c cache, i issuer, answers *Answers, now time.Time) (*Manager, error) {
	m := &Manager{
		log:        o.Logger,
		store:      o.Store,
		cache:      c,
		issuer:     i,
		answers:    answers,
		challenges: slices.Clone(o.Challenges),
		names:      slices.Clone(o.Hosts),
		slots:      make(chan struct{}, ordersAtOnce),
		hosts:      map[string]*host{},
	}
	m.store.SetACMEHosts(m.names)
	remembered, damage := c.readState()
	if damage != nil {
		remembered = m.assumeFailures(damage, now)
	}
	for _, name := range m.names {
		m.hosts[name] = &host{memory: remembered[name]}
		err := m.loadCached(name, now)
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			m.log.Warn("cached certificate is of no use; a new one will be ordered", "host", name, "err", err)
		}
		if !o.SelfSigned {
			continue
		}
		placeholder, err := certs.Placeholder(now, name)
		if err != nil {
			return nil, err
		}
		m.store.SetACME(name, placeholder)
		m.log.Warn("self-signed certificate served until there is a real one; clients will refuse it", "host", name)
	}
	m.Status(now) // so that there is one to be told
	if damage == nil {
		return m, nil
	}
	if err := m.remember(); err != nil { // or the next start would find nothing, and order at once
		m.log.Error("assumed failures cannot be remembered", "err", err)
	}
	return m, nil
}

// failuresAssumed is how many failures in a row a host is taken to have had when nobody remembers: it waits for an hour.
const failuresAssumed = 3

// assumeFailures makes up a memory in the place of one that cannot be read. Who forgets could ask again and again; who
// gives up would serve nothing, though the certificates may be fine.
func (m *Manager) assumeFailures(damage error, now time.Time) map[string]memory {
	aside, err := m.cache.setStateAside(now)
	if err != nil {
		m.log.Error("damaged memory of certificate orders cannot be set aside", "err", err)
	}
	m.log.Error("certificate orders are not remembered; each host is taken to have failed several times", "err", damage,
		"kept_as", aside, "failures", failuresAssumed)
	all := map[string]memory{}
	for _, name := range m.names {
		all[name] = memory{Failures: failuresAssumed, FailedAt: now.Round(0), Error: "earlier orders are not remembered: " + errorText(damage)}
	}
	return all
}

// take puts the cached certificate of a host in force.
func (m *Manager) loadCached(name string, now time.Time) error {
	pair, have, err := m.load(name, now)
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.hosts[name].have = have
	m.mu.Unlock()
	m.store.SetACME(name, pair)
	m.log.Info("certificate loaded from the cache", "host", name, "certificate", pair.Info())
	if pair.Info().Left(now) < 0 {
		m.log.Error("certificate has expired and is served all the same until there is a new one; clients refuse it",
			"host", name, "not_after", pair.Info().NotAfter)
	}
	return nil
}

// load reads a host's certificate from the cache. One that clients would refuse is an error, unless it has only just
// expired.
func (m *Manager) load(name string, now time.Time) (*certs.Pair, validity, error) {
	text, err := m.cache.read(certificateFile(name))
	if err != nil {
		return nil, validity{}, err
	}
	pair, have, err := check(text, name, now, maxOverdue)
	if err != nil {
		return nil, validity{}, fmt.Errorf("%s: %w", filepath.Join(m.cache.dir, certificateFile(name)), err)
	}
	return pair, have, nil
}

// check makes a pair of a key and a chain, both PEM, and refuses what does not serve the host.
func check(text []byte, name string, now time.Time, overdue time.Duration) (*certs.Pair, validity, error) {
	certificate, err := pemfile.KeyPair(certificateFile(name), text, certificateFile(name), text)
	if err != nil {
		return nil, validity{}, err
	}
	if err := certificate.Leaf.VerifyHostname(name); err != nil {
		return nil, validity{}, err
	}
	pair, err := certs.NewPair(certificate, now, overdue)
	if err != nil {
		return nil, validity{}, err
	}
	info := pair.Info()
	return pair, validity{info.NotBefore, info.NotAfter, info.SHA256, renewalID(certificate.Leaf)}, nil
}

// Answers returns where answers to http-01 challenges are looked up.
func (m *Manager) Answers() *Answers { return m.answers }

// Status returns how each host stands, in the order of the configuration. It waits for nothing: while the cache is being
// written, that is how they stood before.
func (m *Manager) Status(now time.Time) []Status {
	if !m.mu.TryLock() {
		return slices.Clone(*m.shown.Load())
	}
	defer m.mu.Unlock()
	all := make([]Status, 0, len(m.names))
	for _, name := range m.names {
		h := m.hosts[name]
		known := h.known()
		all = append(all, Status{
			Host:       name,
			Challenge:  known.Challenge,
			NotAfter:   h.have.to,
			RenewedAt:  known.RenewedAt,
			Failures:   known.Failures,
			FailedAt:   known.FailedAt,
			LastError:  known.Error,
			NextTry:    h.next(now, name),
			IsOrdering: h.ordering,
		})
	}
	shown := slices.Clone(all)
	m.shown.Store(&shown)
	return all
}

// wallClock is the time without the monotonic reading, which stands still while a machine is suspended.
func wallClock() time.Time { return time.Now().Round(0) }

// remember writes what is known to the disk. The caller holds mu.
func (m *Manager) remember() error {
	all := make(map[string]memory, len(m.hosts))
	for name, h := range m.hosts {
		all[name] = h.memory
	}
	return m.cache.writeState(all)
}

// unsaved is a certificate with its key that is in force and could not be stored; the zero value is that there is none.
type unsaved struct {
	text  []byte
	used  Challenge
	noted string // in the memory as the last error, until something else fails
}
