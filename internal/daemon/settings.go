package daemon

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/hassesd/hassesd/internal/admin"
	"github.com/hassesd/hassesd/internal/auth"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
	"github.com/hassesd/hassesd/internal/hub"
)

// edgeConfig is what the settings say to the edge.
func edgeConfig(s *config.Settings, who *auth.Policy) edge.Config {
	return edge.Config{
		Path:              s.Path,
		Auth:              who,
		AllowAll:          s.Auth.AllowAllRooms,
		RoomsPerClient:    s.Limits.RoomsPerClient,
		Origins:           s.CORS.Origins,
		Loopback:          s.Dev,
		Credentials:       s.CORS.Credentials,
		HSTS:              hsts(s.HSTS),
		Demo:              s.Demo,
		Retry:             s.Retry,
		HeartbeatInterval: s.Heartbeat.Interval,
		HeartbeatEvent:    s.Heartbeat.Event,
		StreamAge:         s.Limits.StreamAge,
		KernelBytes:       s.Limits.KernelBytes,
		Connections:       s.Limits.Connections,
		Handshakes:        s.Limits.Handshakes,
		HandshakeCPU:      s.Limits.HandshakeCPU,
		HandshakeTimeout:  s.Limits.HandshakeTimeout,
		RequestTimeout:    s.Limits.RequestTimeout,
		RequestBytes:      s.Limits.RequestBytes,
		Admission:         admissionLimits(s),
	}
}

// warnOfHassesOrigins logs that every page on the web may read streams, where hasses' spellings did that and no setting.
func (d *Daemon) warnOfHassesOrigins(s *config.Settings) {
	if s.HasHassesDefault("cors.origins") {
		d.log.Warn("pages of any web origin may read streams, as with hasses; name the origins that shall with --cors-origin",
			"cors_origins", s.CORS.Origins)
	}
}

// hsts is the value of Strict-Transport-Security (RFC 6797 section 6.1), empty for none.
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

// hubOptions is what the settings say to the hub.
func hubOptions(s *config.Settings, epoch string) (hub.Options, error) {
	slow, err := hub.ParsePolicy(s.Limits.Slow)
	if err != nil {
		return hub.Options{}, &configurationError{fmt.Errorf("limits.slow: %w", err)}
	}
	return hub.Options{
		Epoch:        epoch,
		History:      hub.HistoryLimits{Events: s.History.Events, Bytes: s.History.Bytes, Age: s.History.Age},
		QueueBytes:   s.Limits.QueueBytes,
		Slow:         slow,
		MessageBytes: s.Limits.MessageBytes,
	}, nil
}

// splitListen takes a listen URL apart; config has validated it.
func splitListen(listen string) (address string, secure bool, err error) {
	u, err := url.Parse(listen)
	if err != nil {
		return "", false, &configurationError{fmt.Errorf("listen: %w", err)}
	}
	secure = u.Scheme == "https"
	port := u.Port()
	switch {
	case port == "" && secure:
		port = "443"
	case port == "":
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port), secure, nil
}

// mode says what is spoken on the listeners.
func mode(listen []string) string {
	var secure, plain bool
	for _, l := range listen {
		if strings.HasPrefix(l, "https:") {
			secure = true
		} else {
			plain = true
		}
	}
	switch {
	case secure && plain:
		return "mixed"
	case plain:
		return "http"
	}
	return "https"
}

// addresses are the addresses really bound.
func (d *Daemon) addresses() []string {
	out := make([]string, 0, len(d.doors))
	for _, door := range d.doors {
		out = append(out, scheme(door)+"://"+door.Listener.Addr.String())
	}
	return out
}

// allDoors lists every way in: those of browsers, and those of publishers and administrators.
func (d *Daemon) allDoors() []admin.Door {
	all := make([]admin.Door, 0, len(d.doors)+len(d.ways))
	for i, address := range d.addresses() {
		all = append(all, admin.Door{Kind: admin.DoorListen, Address: address, TLS: d.doors[i].Secure})
	}
	return append(all, d.ways...)
}

func scheme(door edge.Door) string {
	if door.Secure {
		return "https"
	}
	return "http"
}

// subscribeURL is where browsers subscribe, as far as the daemon can know: a listener on all addresses is called by the
// name in the certificate.
func (d *Daemon) subscribeURL() string {
	s := d.settings.Load()
	if len(d.doors) == 0 || len(s.Listen) == 0 {
		return ""
	}
	door := d.doors[0]
	host := door.Listener.Addr.Addr().String()
	if u, err := url.Parse(s.Listen[0]); err == nil && u.Hostname() != "" {
		host = u.Hostname()
	}
	if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() {
		host = d.nameInCertificate()
	}
	return scheme(door) + "://" + net.JoinHostPort(host, fmt.Sprint(door.Listener.Addr.Port())) + s.Path
}
