package daemon

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/logx"
	"github.com/hassesd/hassesd/internal/memguard"
	"github.com/hassesd/hassesd/internal/options"
	"github.com/hassesd/hassesd/internal/publish"
	"github.com/hassesd/hassesd/internal/supervise"
)

// backend is what the control protocol acts on: the running daemon.
type backend struct {
	// Fixed after creation.
	log          *slog.Logger
	logs         *logx.Log
	settings     func() *config.Settings // those that apply
	startedAt    time.Time
	manager      *supervise.Manager
	listeners    *listeners
	certificates *certificates
	control      *control
	confined     *confinement
	reload       func(ctx context.Context) (reloaded, error)
	drain        func(ctx context.Context, plan edge.DrainPlan) (streams int, left time.Duration, err error)
	isDraining   func() bool

	// Fixed before anyone is served.
	hub       *hub.Hub
	publisher *publish.Publisher
	edge      *edge.Server
	memory    *memguard.Guard

	commandErrors reasonCounts // safe for concurrent use
}

var _ admin.Backend = (*backend)(nil)

// Hello implements admin.Backend.
func (b *backend) Hello(context.Context) (api.Hello, error) {
	return api.Hello{
		Name:     "hassesd",
		Version:  Version(),
		Protocol: api.ProtocolVersion,
		URL:      b.subscribeURL(),
		CAPEM:    b.certificates.developmentCA(),
	}, nil
}

func (b *backend) subscribeURL() string {
	return b.listeners.subscribeURL(b.settings(), b.certificates.hostName())
}

// Status implements admin.Backend.
func (b *backend) Status(ctx context.Context) (api.Status, error) {
	st, err := b.edge.Stats(ctx)
	if err != nil {
		return api.Status{}, busy(err)
	}
	now := time.Now()
	h := b.hub.Stats(now)
	settings := b.settings()
	last := b.hub.LastID()
	out := api.Status{
		Version:         Version(),
		Compiled:        Compiled(),
		PID:             os.Getpid(),
		UID:             os.Geteuid(),
		User:            b.confined.user,
		StartedAt:       b.startedAt,
		UptimeSeconds:   now.Sub(b.startedAt).Seconds(),
		Mode:            options.Mode(b.listeners.addresses()),
		LogLevel:        b.logs.Level(),
		LogRecordsLost:  b.logs.Lost(),
		Reinit:          b.edge.Reinit(),
		Draining:        b.isDraining(),
		Connections:     st.Connections,
		Streams:         st.Streams,
		ConnectionsMax:  st.Limit,
		ConnectionsPeak: st.Peak,
		HandshakesTotal: st.StreamsOpened,
		ReinitsTotal:    st.Reinits,
		MessagesTotal:   h.Messages,
		DeliveriesTotal: st.Deliveries,
		Epoch:           last.Epoch,
		LastEventID:     last.String(),
		History: api.HistoryStatus{
			Events:           h.HistoryEvents,
			Bytes:            h.HistoryBytes,
			OldestAgeSeconds: h.HistoryOldest.Seconds(),
		},
		Closed:  st.Closed,
		Refused: st.Refused,
		Dropped: map[string]uint64{
			hub.Close.String():      st.Dropped.Close,
			hub.DropOldest.String(): st.Dropped.Oldest,
			hub.Latest.String():     st.Dropped.Latest,
		},
		CORSOrigin: settings.CORS.Origins,
		Listen:     b.listeners.addresses(),
		Endpoints:  slices.Concat(b.listeners.endpoints(), b.control.endpoints),
	}
	if all := settings.TLS.All(); len(all) > 0 { // hasses had one
		out.CertFile, out.KeyFile = all[0].CertFile, all[0].KeyFile
	}
	for _, l := range st.Loops {
		out.Loops = append(out.Loops, api.LoopStatus{Connections: l.Connections, Streams: l.Streams})
	}
	memory := b.memoryStatus()
	out.Memory = &memory
	b.commandErrors.each(func(reason string, n uint64) {
		out.CommandErrorsTotal += n
		out.Refused["control_"+reason] += n
	})
	return out, nil
}

// CountCommandError implements admin.Backend.
func (b *backend) CountCommandError(reason string) { b.commandErrors.add(reason) }
