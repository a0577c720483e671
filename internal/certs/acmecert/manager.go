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
	// tryTimeout bounds one try. If the authority takes longer, the next try asks again.
	tryTimeout = 5 * time.Minute
	// ordersAtOnce bounds the number of concurrent orders.
	ordersAtOnce = 4
	// maxSleep bounds how long a goroutine sleeps. Timers stop while a machine is suspended and do
	// not notice changes of its clock, so the goroutine has to check the time regularly.
	maxSleep = time.Hour
	// maxSleepWithout is the same while a host has no certificate. The cache may hold one that
	// seemed expired because the clock was wrong at the start.
	maxSleepWithout = time.Minute
	// maxOverdue is how long after its end a cached certificate is still served. Some clients
	// accept it, and without it none can connect.
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
	slots      chan struct{} // bounds concurrent orders

	// Guarded by mu, which is held while the cache is written. Code that must not wait for a disk
	// must not lock it.
	mu    sync.Mutex
	hosts map[string]*host

	shown  atomic.Pointer[[]Status] // the last result of Status; atomic
	orders struct{ issued, failed, cut atomic.Uint64 }

	// Set once, by Start.
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// host is the state of one host. It is guarded by the manager's mu.
type host struct {
	have     validity
	advice   advice // on have
	memory   memory
	ordering bool
	before   memory // memory without the failure recorded in advance; valid while ordering
	unsaved  unsaved
}

// known returns the record of finished tries.
func (h *host) known() memory {
	if h.ordering {
		return h.before
	}
	return h.memory
}

// next returns when to order the next certificate.
func (h *host) next(now time.Time, name string) time.Time {
	return nextTry(now, name, h.have, h.advice.renewAt, h.known())
}

// Orders counts the orders that have ended, by result.
type Orders struct {
	Issued uint64
	Failed uint64
	Cut    uint64 // short, by the end of the daemon
}

// Orders returns the counts since the start.
func (m *Manager) Orders() Orders {
	return Orders{Issued: m.orders.issued.Load(), Failed: m.orders.failed.Load(), Cut: m.orders.cut.Load()}
}

// Status is the state of one host, for people.
type Status struct {
	Host       string
	Challenge  Challenge // that last succeeded; empty: none
	NotAfter   time.Time // of the certificate; zero: none
	RenewedAt  time.Time // zero: never, as far as the cache knows
	Failures   int       // in a row
	FailedAt   time.Time
	LastError  string // printable ASCII; empty: the last try succeeded
	NextTry    time.Time
	IsOrdering bool // a try is running
}

// New reads the cache and passes valid certificates to the store. It makes no request; see Start.
// Call it after dropping root, as the user who owns the cache.
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
	m.Status(now) // so that there is a result to return while mu is locked
	if damage == nil {
		return m, nil
	}
	if err := m.remember(); err != nil { // otherwise the next start would find no record and order at once
		m.log.Error("assumed failures cannot be remembered", "err", err)
	}
	return m, nil
}

// failuresAssumed is the assumed number of failures in a row of a host without a readable record:
// it waits for an hour.
const failuresAssumed = 3

// assumeFailures returns a record to replace one that cannot be read. Without any record, a daemon
// that restarts again and again would order each time. An error instead would keep valid
// certificates from being served.
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

// loadCached passes the cached certificate of a host to the store.
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

// load reads a host's certificate from the cache. It returns an error if clients would refuse it,
// unless it expired within maxOverdue.
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

// check returns the pair of a key and a chain, both in PEM. It returns an error if they are not for
// the host.
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

// Answers returns the responses to http-01 challenges.
func (m *Manager) Answers() *Answers { return m.answers }

// Status returns the state of each host, in the order of the configuration. It never waits: while
// the cache is being written, it returns the previous state.
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

// wallClock returns the time without the monotonic reading, which stops while a machine is
// suspended.
func wallClock() time.Time { return time.Now().Round(0) }

// remember writes the record of all hosts to the cache. The caller holds mu.
func (m *Manager) remember() error {
	all := make(map[string]memory, len(m.hosts))
	for name, h := range m.hosts {
		all[name] = h.memory
	}
	return m.cache.writeState(all)
}

// unsaved is a certificate with its key that is in use and could not be stored. The zero value
// means none.
type unsaved struct {
	text  []byte
	used  Challenge
	noted string // the last error in memory, until something else fails
}
