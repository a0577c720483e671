package daemon

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/hub"
	"github.com/hassesd/hassesd/internal/options"
)

// backend is what the control protocol acts on: the running daemon.
type backend struct{ *Daemon }

var _ admin.Backend = backend{}

// Hello implements admin.Backend.
func (b backend) Hello(context.Context) (api.Hello, error) {
	return api.Hello{
		Name:     "hassesd",
		Version:  Version(),
		Protocol: api.ProtocolVersion,
		URL:      b.subscribeURL(),
		CAPEM:    b.developmentCA(),
	}, nil
}

// Status implements admin.Backend.
func (b backend) Status(ctx context.Context) (api.Status, error) {
	st, err := b.edge.Stats(ctx)
	if err != nil {
		return api.Status{}, busy(err)
	}
	now := time.Now()
	h := b.hub.Stats(now)
	settings := b.settings.Load()
	last := b.hub.LastID()
	out := api.Status{
		Version:         Version(),
		Compiled:        Compiled(),
		PID:             os.Getpid(),
		UID:             os.Geteuid(),
		User:            b.user,
		StartedAt:       b.startedAt,
		UptimeSeconds:   now.Sub(b.startedAt).Seconds(),
		Mode:            options.Mode(b.addresses()),
		LogLevel:        b.logs.Level(),
		LogRecordsLost:  b.logs.Lost(),
		Reinit:          b.edge.Reinit(),
		Draining:        b.draining(),
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
		Listen:     b.addresses(),
		Endpoints:  b.allDoors(),
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

// Clients implements admin.Backend.
func (b backend) Clients(ctx context.Context, p api.ClientsParams) (api.Clients, error) {
	page := edge.ClientPage{Filter: edge.ClientFilter{Room: p.Room, ID: p.ID, Addr: p.Addr}, Limit: p.Limit}
	switch p.Sort {
	case "", api.SortAge:
	case api.SortQueue:
		page.Order = edge.ClientsByQueue
	case api.SortSent:
		page.Order = edge.ClientsBySent
	default:
		return api.Clients{}, invalid(fmt.Sprintf("clients cannot be sorted by %q", p.Sort), "sort is one of age, queue, sent")
	}
	if p.Cursor != "" {
		at, err := api.ReadClientCursor(p.Sort, p.Cursor)
		if err != nil {
			return api.Clients{}, err
		}
		page.After = &edge.ClientPosition{Key: at.Key, Conn: at.Conn}
	}
	list, err := b.edge.Clients(ctx, page)
	if err != nil {
		return api.Clients{}, busy(err)
	}
	out := api.Clients{Clients: make([]api.Client, 0, len(list.Clients)), Total: list.Total}
	for _, c := range list.Clients {
		out.Clients = append(out.Clients, clientRow(c))
	}
	if list.Next != nil {
		out.NextCursor = api.ClientCursor{Key: list.Next.Key, Conn: list.Next.Conn}.Text(p.Sort)
	}
	return out, nil
}

func clientRow(c edge.ClientInfo) api.Client {
	out := api.Client{
		Conn:             c.Conn,
		ID:               c.ID,
		Addr:             c.Peer.String(),
		State:            c.State,
		AgeSeconds:       c.Age.Seconds(),
		StreamAgeSeconds: c.StreamAge.Seconds(),
		Rooms:            c.Rooms,
		Sent:             c.Sent,
		QueueBytes:       c.QueueBytes,
		KernelBytes:      c.KernelBytes,
		Dropped:          c.Dropped,
		Reinits:          c.Reinits,
		Agent:            c.Agent,
	}
	if c.All {
		out.Rooms = []string{"*"}
	}
	if out.Rooms == nil {
		out.Rooms = []string{}
	}
	if c.Version != 0 {
		out.TLS = tls.VersionName(c.Version)
		out.Cipher = tls.CipherSuiteName(c.Cipher)
	}
	return out
}

// Rooms implements admin.Backend.
func (b backend) Rooms(ctx context.Context, p api.RoomsParams) (api.Rooms, error) {
	page := edge.RoomPage{Prefix: p.Prefix, Limit: p.Limit}
	switch p.Sort {
	case "", api.SortStreams:
	case api.SortName:
		page.ByName = true
	default:
		return api.Rooms{}, invalid(fmt.Sprintf("rooms cannot be sorted by %q", p.Sort), "sort is one of streams, name")
	}
	total := -1
	if p.Cursor != "" {
		at, err := api.ReadRoomCursor(p.Sort, p.Cursor)
		if err != nil {
			return api.Rooms{}, err
		}
		page.After = &edge.Room{Name: at.Room, Streams: at.Number}
		if page.ByName {
			total = at.Number
		}
	}
	list, err := b.edge.Rooms(ctx, page)
	if err != nil {
		return api.Rooms{}, busy(err)
	}
	if total < 0 {
		total = list.Total
	}
	out := api.Rooms{Rooms: make([]api.Room, 0, len(list.Rooms)), Total: total}
	for _, r := range list.Rooms {
		out.Rooms = append(out.Rooms, api.Room{Room: r.Name, Streams: r.Streams})
	}
	if n := len(out.Rooms); list.More && n > 0 {
		out.NextCursor = api.RoomCursorAfter(p.Sort, out.Rooms[n-1], total)
	}
	return out, nil
}

// Count implements admin.Backend.
func (b backend) Count(ctx context.Context, p api.CountParams) (api.Count, error) {
	connections, streams, err := b.edge.Count(ctx, p.Room)
	if err != nil {
		return api.Count{}, busy(err)
	}
	if p.Room != "" {
		return api.Count{Room: p.Room, Streams: streams}, nil
	}
	return api.Count{Connections: &connections, Streams: streams}, nil
}

// Kick implements admin.Backend.
func (b backend) Kick(ctx context.Context, p api.KickParams) (api.Kicked, error) {
	chosen := 0
	for _, said := range []bool{p.ID != "", p.Room != "", p.All} {
		if said {
			chosen++
		}
	}
	if chosen != 1 {
		return api.Kicked{}, invalid("say exactly one of id, room and all", "for instance {\"id\":\"x\"}")
	}
	if p.RefuseSeconds < 0 || p.RefuseSeconds > api.MaxRefuse.Seconds() {
		return api.Kicked{}, invalid("refuse_seconds is not between 0 and "+api.MaxRefuse.String(), "")
	}
	refuse := time.Duration(p.RefuseSeconds * float64(time.Second))
	n, err := b.edge.Kick(ctx, edge.Selection{ID: p.ID, Room: p.Room, All: p.All}, refuse)
	if err != nil {
		return api.Kicked{}, busy(err)
	}
	b.log.Info("streams kicked", "id", p.ID, "room", p.Room, "all", p.All, "streams", n, "refuse", refuse)
	return api.Kicked{Kicked: n}, nil
}

// LogLevel implements admin.Backend.
func (b backend) LogLevel(_ context.Context, level string) (string, error) {
	if level != "" {
		if err := b.logs.SetLevel(level); err != nil {
			return "", invalid(err.Error(), "level is one of quiet, normal, debug")
		}
		b.log.Info("log level set", "log_level", level)
	}
	return b.logs.Level(), nil
}

// Reinit implements admin.Backend.
func (b backend) Reinit(_ context.Context, enabled *bool) (bool, error) {
	if enabled != nil {
		b.edge.SetReinit(*enabled)
		b.log.Info("reinit set", "enabled", *enabled)
	}
	return b.edge.Reinit(), nil
}

// Reload implements admin.Backend.
func (b backend) Reload(ctx context.Context) (api.Reloaded, error) {
	r, err := b.reload(ctx)
	if err != nil {
		return api.Reloaded{}, &api.Error{
			Code:    codeInternal,
			Message: err.Error(),
			Hint:    "the settings before are still in force; correct the file and reload again",
		}
	}
	return api.Reloaded{Changed: r.changed, NeedsRestart: r.needsRestart}, nil
}

// codeInternal is JSON-RPC's own internal error: the request was right, what it came upon was not.
const codeInternal = -32603

// Drain implements admin.Backend.
func (b backend) Drain(ctx context.Context, p api.DrainParams) (api.Drained, error) {
	window := b.settings.Load().Drain.Window
	if p.WindowSeconds != nil {
		if *p.WindowSeconds < 0 || *p.WindowSeconds > api.MaxDrainWindow.Seconds() {
			return api.Drained{}, invalid("window_seconds is not between 0 and "+api.MaxDrainWindow.String(), "")
		}
		window = time.Duration(*p.WindowSeconds * float64(time.Second))
	}
	b.manager.Forget()
	streams, left, err := b.drain(ctx, edge.DrainPlan{Window: window})
	if err != nil {
		return api.Drained{}, busy(err)
	}
	return api.Drained{Streams: streams, WindowSeconds: left.Seconds()}, nil
}

// Certificates implements admin.Backend.
func (b backend) Certificates(context.Context) (api.Certificates, error) {
	return api.Certificates{Certificates: b.listCertificates(time.Now())}, nil
}

// CountCommandError implements admin.Backend.
func (b backend) CountCommandError(reason string) { b.commandErrors.add(reason) }

func invalid(message, hint string) error {
	const invalidParams = -32602
	return &api.Error{Code: invalidParams, Message: message, Hint: hint}
}

// busy tells that the loops did not answer in time.
func busy(err error) error {
	return &api.Error{Code: api.CodeOverloaded, Message: "the event loops did not answer: " + err.Error(), Hint: "try again"}
}

func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return ""
	}
	return u.Username
}
