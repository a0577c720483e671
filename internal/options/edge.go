package options

import (
	"fmt"
	"time"

	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/edge/proxy"
)

// Edge returns the configuration of the edge. A nil policy admits every subscriber.
func Edge(s *config.Settings, policy *auth.Policy) edge.Config {
	return edge.Config{
		Path:              s.Path,
		HealthPath:        s.HealthPath,
		Auth:              policy,
		AllowAll:          s.Auth.AllowAllRooms,
		RoomsPerClient:    s.Limits.RoomsPerClient,
		Origins:           s.CORS.Origins,
		Loopback:          s.Dev,
		Credentials:       s.CORS.Credentials,
		HSTS:              hsts(s.HSTS),
		Demo:              s.Demo,
		Publish:           s.Publish.HTTP,
		Requests:          s.Publish.Requests,
		Retry:             s.Retry,
		HeartbeatInterval: s.Heartbeat.Interval,
		HeartbeatEvent:    s.Heartbeat.Event,
		StreamAge:         s.Limits.StreamAge,
		KernelBytes:       s.Limits.KernelBytes,
		HTTP2:             s.HTTP2,
		HandOver:          s.TLS.Records == config.RecordsAuto,
		HotKeys:           s.TLS.HotKeys,
		Streams:           s.Limits.Streams,
		Connections:       s.Limits.Connections,
		Handshakes:        s.Limits.Handshakes,
		HandshakeCPU:      s.Limits.HandshakeCPU,
		HandshakeTimeout:  s.Limits.HandshakeTimeout,
		RequestTimeout:    s.Limits.RequestTimeout,
		RequestBytes:      s.Limits.RequestBytes,
		Admission:         Admission(s),
		Proxies:           proxies(&s.Proxy),

		StreamsPerConnection: s.Limits.StreamsPerConnection,
		HeaderTable:          uint32(s.HTTP2HeaderTable),
	}
}

// proxies returns who may name clients, and how.
func proxies(p *config.Proxy) edge.Proxies {
	field, ok := proxy.ParseField(p.Header)
	if !ok {
		panic("options: internal error: proxy.header was not validated")
	}
	networks, unix := p.TrustedNetworks()
	return edge.Proxies{Trusted: proxy.Trusted{Networks: networks, Unix: unix}, Protocol: p.Protocol, Field: field}
}

// hsts returns the value of Strict-Transport-Security (RFC 6797 section 6.1), empty for none.
func hsts(h config.HSTS) string {
	if h.MaxAge <= 0 {
		return ""
	}
	value := fmt.Sprintf("max-age=%d", h.MaxAge/time.Second)
	if h.IncludeSubdomains {
		value += "; includeSubDomains"
	}
	return value
}
