package config

// proxyEntries are the keys for proxies in front of the daemon.
var proxyEntries = []entry{
	{
		name:       "proxy.trusted",
		usage:      "Proxies that may name their clients, as addresses or networks; unix: all peers on the Unix sockets of listen. The limits for one address do not apply to them, but to the clients that they name with proxy.protocol or proxy.header. List nothing else, because a trusted peer can pretend to be any client. May be repeated.",
		example:    "10.0.0.0/8",
		words:      true,
		reloadable: true,
		field:      func(s *Settings) any { return &s.Proxy.Trusted },
	},
	{
		name:       "proxy.protocol",
		usage:      "Connections from proxy.trusted begin with a PROXY protocol header, version 1 or 2, before TLS, on every listener. One without it is refused. For proxies that pass TLS through, such as HAProxy with send-proxy-v2.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Proxy.Protocol },
	},
	{
		name:       "proxy.header",
		choices:    proxyHeaders,
		usage:      "Request header in which proxy.trusted name the client, on listeners without TLS: X-Forwarded-For or Forwarded (RFC 7239). The rightmost address that is not in proxy.trusted counts. For proxies that terminate TLS, which must add the client's address on the right, or replace the header.",
		example:    "X-Forwarded-For",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Proxy.Header },
	},
	{
		name:    "proxy.unix_mode",
		usage:   "Permissions of the Unix sockets of listen, in octal. Users who may write to one can connect.",
		example: "0600",
		field:   func(s *Settings) any { return &s.Proxy.UnixMode },
	},
	{
		name:    "proxy.unix_group",
		usage:   "Group of the Unix sockets of listen, by name or number: that of the proxy. Without one, the daemon's own.",
		example: "www-data",
		field:   func(s *Settings) any { return &s.Proxy.UnixGroup },
	},
}
