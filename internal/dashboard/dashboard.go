package dashboard

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	operators "github.com/hassesd/hassesd/internal/api"
)

// Backend is what the page lists of the daemon. Its methods return within the context's deadline,
// and report refusals as an [*api.Error].
type Backend interface {
	Clients(ctx context.Context, p api.ClientsParams) (api.Clients, error)
	Rooms(ctx context.Context, p api.RoomsParams) (api.Rooms, error)
	Certificates(ctx context.Context) (api.Certificates, error)
	Limits(ctx context.Context, p api.LimitsParams) (api.Limits, error)
	Nodes(ctx context.Context) (api.Nodes, error)
}

// Options are what a Dashboard needs. All are required.
type Options struct {
	Figures func() operators.Figures // of now; it must return within a moment
	Backend Backend
	Events  *Events
	Now     func() time.Time
	// Path is where messages are published on this listener, if the page may send any; otherwise
	// empty.
	Path string
}

// Dashboard keeps the last minutes and serves the page. Its methods may be called from any
// goroutine.
type Dashboard struct {
	// Fixed after creation.
	figures  func() operators.Figures
	backend  Backend
	events   *Events
	now      func() time.Time
	path     string
	page     []byte
	policy   string
	viewers  chan struct{} // has one for each stream of figures
	listing  chan struct{} // has one while a list is made
	stopping chan struct{} // closed by Close
	close    sync.Once
	samples  samples
	rested   time.Time // when the next list may be made; owned by the request that has sent to listing
}

// New returns a dashboard, which keeps nothing before Run.
func New(o Options) *Dashboard {
	d := &Dashboard{
		figures:  o.Figures,
		backend:  o.Backend,
		events:   o.Events,
		now:      o.Now,
		path:     o.Path,
		viewers:  make(chan struct{}, maxViewers),
		listing:  make(chan struct{}, 1),
		stopping: make(chan struct{}),
	}
	d.page, d.policy = render()
	return d
}

// Routes returns what to serve on the listener of operators.
func (d *Dashboard) Routes() []operators.Route {
	routes := []operators.Route{
		{Path: "/", Access: operators.Anybody, Handler: http.HandlerFunc(d.servePage)},
		{Path: "/api/live", Access: operators.Reads, Methods: []string{http.MethodGet}, IsLong: true, Handler: http.HandlerFunc(d.serveLive)},
	}
	for path, list := range map[string]lister{
		"/api/clients": d.clients, "/api/rooms": d.rooms, "/api/certificates": d.certificates, "/api/limits": d.limits, "/api/nodes": d.nodes,
	} {
		routes = append(routes, operators.Route{Path: path, Access: operators.Reads, Handler: d.serveList(list)})
	}
	return routes
}
