package config

import "slices"

// registry lists every key in the order of the file: top-level keys first, then table by table.
var registry = slices.Concat(serviceEntries, authEntries, tlsEntries, webEntries, proxyEntries, controlEntries, apiEntries, publishEntries, eventEntries, limitEntries, drainEntries, clusterEntries)

// serviceEntries are the keys at the top of the file, for the daemon as a whole.
var serviceEntries = []entry{
	{
		name:    "listen",
		usage:   "Addresses that browsers connect to, as URLs. Without a host, the daemon listens on all IPv4 and IPv6 addresses. http:// addresses require plaintext; with plaintext and no certificate at all, the default is http://:8080. unix:/path is a Unix socket without TLS, for a proxy on the same machine. May be repeated.",
		example: "https://:443",
		field:   func(s *Settings) any { return &s.Listen },
	},
	{
		name:    "path",
		usage:   "URL path of the event stream.",
		example: "/events",
		field:   func(s *Settings) any { return &s.Path },
	},
	{
		name:       "health_path",
		usage:      "URL path at which the listeners for browsers answer health checks of load balancers: 200 and ok, or 503 once the daemon drains. The check needs no credentials and shows nothing else. Empty: none.",
		example:    "/up",
		reloadable: true,
		field:      func(s *Settings) any { return &s.HealthPath },
	},
	{
		name:       "http2",
		usage:      "Serve HTTP/2 beside HTTP/1: over TLS to clients that offer it, without TLS to clients that begin with it. A browser then needs one connection for all its streams, instead of six at most.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.HTTP2 },
	},
	{
		name:       "http2_header_table",
		usage:      "Size of the table with which HTTP/2 clients may compress their request headers, for each connection, as a size. 0 saves about 2 KiB a connection. Set it to 4KiB if an old client cannot do without the table.",
		example:    "4KiB",
		reloadable: true,
		size:       true,
		field:      func(s *Settings) any { return &s.HTTP2HeaderTable },
	},
	{
		name:    "user",
		usage:   "User, by name or number, to switch to after the ports are bound. The daemon must be started as root for this. Without a user, it keeps the one that started it.",
		example: "hassesd",
		field:   func(s *Settings) any { return &s.User },
	},
	{
		name:    "group",
		usage:   "Group, by name or number, to switch to together with user. Without one, the primary group of user.",
		example: "hassesd",
		field:   func(s *Settings) any { return &s.Group },
	},
	{
		name:    "chroot",
		usage:   "Directory to chroot into before switching to user. Everything that the daemon opens later must exist below it at the same paths, for example by bind mounts. The sandbox gives the same protection without it.",
		example: "/srv/hassesd",
		field:   func(s *Settings) any { return &s.Chroot },
	},
	{
		name:    "sandbox",
		choices: []string{"auto", "strict", "off"},
		usage:   "How much the daemon confines itself after the start. auto: give up every right it does not need, as far as the kernel allows, and warn about the rest. strict: refuse to start as root or with anything missing. off: no sandbox, for troubleshooting.",
		example: "strict",
		field:   func(s *Settings) any { return &s.Sandbox },
	},
	{
		name:       "log_level",
		choices:    []string{"quiet", "normal", "debug"},
		usage:      "How much to log: quiet (warnings and errors), normal (also the life of the daemon) or debug (also the life of each connection).",
		example:    "debug",
		reloadable: true,
		field:      func(s *Settings) any { return &s.LogLevel },
	},
	{
		name:    "log_file",
		usage:   "File to append the log to. SIGHUP reopens it, for log rotation. Without a file, the log goes to standard error.",
		example: "/var/log/hassesd.log",
		field:   func(s *Settings) any { return &s.LogFile },
	},
	{
		name:    "log_format",
		choices: []string{"auto", "text", "json", "classic"},
		usage:   "Format of the log: text, json, auto (coloured on a terminal, otherwise text) or classic (lines as hasses wrote them: 2026-11-30 11:20:31 hasses: TEXT). The default is classic if the daemon is started with flags of hasses (-p=, -murl=) or --hasses-conf.",
		example: "json",
		field:   func(s *Settings) any { return &s.LogFormat },
	},
	{
		name:    "pid_file",
		usage:   "File to write the process ID to. Not needed with systemd.",
		example: "/run/hassesd/hassesd.pid",
		field:   func(s *Settings) any { return &s.PIDFile },
	},
	{
		name:       "reinit",
		usage:      "Allow a client to replace its rooms by sending a second request on an open stream.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Reinit },
	},
	{
		name:  "plaintext",
		usage: "Allow http:// listeners. Traffic on them, messages included, can be read and changed on the way. Use them only behind a proxy on the same machine.",
		field: func(s *Settings) any { return &s.Plaintext },
	},
	{
		name:  "dev",
		usage: "Development mode, for a laptop: a self-signed certificate in memory, listeners on this machine only, no authentication, CORS for every origin on this machine, a demo page, the control socket and the FIFO in the user's runtime directory, the control port on 127.0.0.1:8085, and api.listen on http://127.0.0.1:8444. Settings that you set yourself keep their values.",
		field: func(s *Settings) any { return &s.Dev },
	},
	{
		name:  "demo",
		usage: "Serve a demo page at / that subscribes and shows events.",
		field: func(s *Settings) any { return &s.Demo },
	},
	{
		name:    "loops",
		usage:   "Number of event loops, each with a thread of its own. 0: one per CPU.",
		example: "4",
		field:   func(s *Settings) any { return &s.Loops },
	},
	{
		name:       "retry",
		usage:      "How long browsers wait before they reconnect (the retry field), as a duration. Each client gets a value between half of it and one and a half times it, so that they do not all reconnect at once.",
		example:    "5s",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Retry },
	},
}
