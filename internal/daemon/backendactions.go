package daemon

import (
	"context"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/eventlog/jetstream"
)

// Kick implements admin.Backend. In a cluster it reaches all nodes; what is refused afterwards goes
// through the log, so that a node that is away learns of it.
func (b *backend) Kick(ctx context.Context, p api.KickParams) (api.Kicked, error) {
	out, err := b.kickHere(ctx, p)
	if err != nil || b.cluster.events == nil {
		return out, err
	}
	others, asked := askOthers[api.Kicked](ctx, b.cluster, api.MethodKick, p)
	for _, other := range others {
		out.Kicked += other.Kicked
	}
	out.Nodes = asked
	if p.RefuseSeconds > 0 {
		put, cancel := context.WithTimeout(ctx, nodesTimeout)
		defer cancel()
		k := jetstream.Kick{ID: p.ID, Room: p.Room, All: p.All, Refuse: time.Duration(p.RefuseSeconds * float64(time.Second))}
		if err := b.cluster.events.AppendKick(put, k); err != nil {
			b.log.Warn("the kick is not in the log, so that nodes that are away do not learn of it", "err", err)
		}
	}
	return out, nil
}

// kickHere kicks streams of this node.
func (b *backend) kickHere(ctx context.Context, p api.KickParams) (api.Kicked, error) {
	chosen := 0
	for _, isSet := range []bool{p.ID != "", p.Room != "", p.All} {
		if isSet {
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
func (b *backend) LogLevel(_ context.Context, level string) (string, error) {
	if level != "" {
		if err := b.logs.SetLevel(level); err != nil {
			return "", invalid(err.Error(), "level is one of quiet, normal, debug")
		}
		b.log.Info("log level set", "log_level", level)
	}
	return b.logs.Level(), nil
}

// Reinit implements admin.Backend.
func (b *backend) Reinit(_ context.Context, enabled *bool) (bool, error) {
	if enabled != nil {
		b.edge.SetReinit(*enabled)
		b.log.Info("reinit set", "enabled", *enabled)
	}
	return b.edge.Reinit(), nil
}

// Reload implements admin.Backend.
func (b *backend) Reload(ctx context.Context) (api.Reloaded, error) {
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

// Drain implements admin.Backend.
func (b *backend) Drain(ctx context.Context, p api.DrainParams) (api.Drained, error) {
	window := b.settings().Drain.Window
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
func (b *backend) Certificates(context.Context) (api.Certificates, error) {
	now := time.Now()
	list := b.certificates.list(now)
	if one, ok := b.control.certificate(now, b.certificates.nextTry()); ok {
		list = append(list, one)
	}
	return api.Certificates{Certificates: list}, nil
}

// Sandbox implements admin.Backend.
func (b *backend) Sandbox(context.Context) (api.Sandbox, error) { return b.confined.report() }
