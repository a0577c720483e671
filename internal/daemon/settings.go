package daemon

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/edge"
)

// warnOfHassesOrigins logs that every page on the web may read streams, where hasses' spellings did that and no setting.
func (d *Daemon) warnOfHassesOrigins(s *config.Settings) {
	if s.HasHassesDefault("cors.origins") {
		d.log.Warn("pages of any web origin may read streams, as with hasses; name the origins that shall with --cors-origin",
			"cors_origins", s.CORS.Origins)
	}
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
func (d *Daemon) allDoors() []api.Endpoint {
	all := make([]api.Endpoint, 0, len(d.doors)+len(d.ways))
	for i, address := range d.addresses() {
		all = append(all, api.Endpoint{Kind: api.EndpointListen, Address: address, TLS: d.doors[i].Secure})
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
