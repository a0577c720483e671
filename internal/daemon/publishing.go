package daemon

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/httppublish"
	"github.com/hassesd/hassesd/internal/idempotency"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/publish"
)

// publishing is how messages come in over HTTP, and the keys under which messages came in by any
// door.
type publishing struct {
	// Fixed once open.
	keys   *idempotency.Table
	budget *httppublish.Budget  // what the bodies of all requests may hold
	http   *httppublish.Service // on the listeners of subscribers
	api    *httppublish.Service // on the listener of operators
	stop   context.CancelFunc   // has both services wait for nobody any more

	config atomic.Pointer[httppublish.Config]
}

// openKeys makes the table of keys, which the history may have some for.
func (p *publishing) openKeys(settings func() *config.Settings, memory *memguard.Guard) {
	p.keys = idempotency.New(idempotency.Options{
		Now: time.Now,
		Limits: func() idempotency.Limits {
			s := settings()
			return options.Dedup(s, memory.BudgetOf(s.Limits.Memory))
		},
	})
}

// open makes the services. Their doors need not exist yet. wrongKey is told of requests to operators
// with a wrong key.
func (p *publishing) open(settings func() *config.Settings, memory *memguard.Guard, publisher *publish.Publisher, wrongKey func(*http.Request)) {
	p.budget = httppublish.NewBudget(func() int64 { return memory.BodyBytes(options.BodyBytes(settings())) })
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	o := httppublish.Options{
		Publisher: publisher,
		Budget:    p.budget,
		Config:    p.config.Load,
		Now:       time.Now,
		Stopping:  ctx,
	}
	o.Door = publish.DoorHTTP
	p.http = httppublish.New(o)
	o.Door, o.WrongKey = publish.DoorAPI, wrongKey
	p.api = httppublish.New(o)
}

// use makes settings apply, with the tokens and rights that were read for them.
func (p *publishing) use(s *config.Settings, tokens *auth.Tokens, rights *access.Rights) {
	c := options.HTTPPublish(s)
	c.Access.Tokens = tokens
	c.Access.FindKey = func(secret string) (httppublish.Key, bool) {
		k, ok := rights.FindKey(secret)
		return httppublish.Key{ID: k.ID, MayPublish: ok && k.Role.Includes(api.RolePublish)}, ok
	}
	p.config.Store(&c)
}

// refused counts the requests that were refused, by the code of their answer, at both doors.
func (p *publishing) refused(count func(code string, n uint64)) {
	p.eachCode((*httppublish.Service).Refused, count)
}

// refusedAlone counts those of them whose message the publisher has not counted as refused.
func (p *publishing) refusedAlone(count func(code string, n uint64)) {
	p.eachCode((*httppublish.Service).RefusedAlone, count)
}

func (p *publishing) eachCode(of func(*httppublish.Service) map[httppublish.Code]uint64, count func(code string, n uint64)) {
	for _, service := range []*httppublish.Service{p.http, p.api} {
		for code, n := range of(service) {
			count(string(code), n)
		}
	}
}

// trim forgets keys whose time is over, in steps between which publishers get the table's lock.
func (p *publishing) trim() {
	for p.keys.Trim() {
		runtime.Gosched()
	}
}
