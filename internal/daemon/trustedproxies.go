package daemon

import (
	"log/slog"
	"slices"

	"github.com/hassesd/hassesd/internal/config"
)

// logTrustedProxies logs whom the daemon believes about clients, and warns if any user of this
// machine could make it believe anything.
func logTrustedProxies(log *slog.Logger, s *config.Settings) {
	p := &s.Proxy
	if len(p.Trusted) == 0 {
		return
	}
	log.Info("trusted proxies", "trusted", p.Trusted, "protocol", p.Protocol, "header", p.Header)
	if !p.Protocol && p.Header == "" {
		log.Warn("trusted proxies name no clients: set proxy.protocol or proxy.header; until then, no limit of an address holds for the clients behind them")
	}
	_, unix := p.TrustedNetworks()
	listens := slices.ContainsFunc(s.Listeners(), func(l config.Listener) bool { return l.Unix != "" })
	if unix && listens && p.UnixPermissions()&writableByAll != 0 {
		log.Warn("every user of this machine may name clients through the Unix socket of listen", "unix_mode", p.UnixMode)
	}
}
