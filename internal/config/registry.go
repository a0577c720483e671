package config

import "slices"

// registry lists every key in the order of the file: those at the top first, then table by table.
var registry = slices.Concat(serviceEntries, controlEntries, eventEntries, limitEntries, drainEntries)

// serviceEntries are those of the daemon as a whole, and of who may listen and over which TLS.
var serviceEntries = []entry{
	{
		name:    "listen",
		usage:   "The addresses browsers connect to, as URLs. Without a host it is every IPv4 and IPv6 address. http:// needs plaintext. May be repeated.",
		example: "https://:443",
		field:   func(s *Settings) any { return &s.Listen },
	},
	{
		name:    "path",
		usage:   "The URL path browsers subscribe at.",
		example: "/events",
		field:   func(s *Settings) any { return &s.Path },
	},
	{
		name:    "user",
		usage:   "The user, by name or number, that the daemon becomes after it has bound its ports; it must be started as root for that. Without one it stays who it is.",
		example: "hassesd",
		field:   func(s *Settings) any { return &s.User },
	},
	{
		name:    "group",
		usage:   "The group, by name or number, that goes with user. Without one it is the user's own group.",
		example: "hassesd",
		field:   func(s *Settings) any { return &s.Group },
	},
	{
		name:    "chroot",
		usage:   "The directory that becomes the daemon's root directory before it becomes user. What it opens while it runs must be there at the same paths, for instance by bind mounts. The sandbox does as much without it.",
		example: "/srv/hassesd",
		field:   func(s *Settings) any { return &s.Chroot },
	},
	{
		name:    "sandbox",
		usage:   "What the daemon may do once it has started: auto gives up everything it does not need, as far as the kernel can, and warns of what is missing; strict does not start then, nor as root; off leaves it all, for finding faults.",
		example: "strict",
		field:   func(s *Settings) any { return &s.Sandbox },
	},
	{
		name:       "log_level",
		usage:      "How much is logged: quiet (warnings and errors), normal (the life of the daemon) or debug (the life of each connection).",
		example:    "debug",
		reloadable: true,
		field:      func(s *Settings) any { return &s.LogLevel },
	},
	{
		name:    "log_file",
		usage:   "The file the log is appended to; SIGHUP opens it anew, so that it can be rotated. Without one the log goes to standard error.",
		example: "/var/log/hassesd.log",
		field:   func(s *Settings) any { return &s.LogFile },
	},
	{
		name:    "log_format",
		usage:   "How the log looks: text, json, auto (coloured on a terminal, text elsewhere), or classic: lines as hasses wrote them (2026-11-30 11:20:31 hasses: TEXT). A start with hasses' own spellings (-p=, -murl=, --hasses-conf) that sets nothing here is classic.",
		example: "json",
		field:   func(s *Settings) any { return &s.LogFormat },
	},
	{
		name:    "pid_file",
		usage:   "The file the process number is written to. systemd needs none.",
		example: "/run/hassesd/hassesd.pid",
		field:   func(s *Settings) any { return &s.PIDFile },
	},
	{
		name:       "reinit",
		usage:      "Allow a second request on an open stream, which replaces its rooms.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Reinit },
	},
	{
		name:  "plaintext",
		usage: "Allow http:// listeners. Everything on them, messages included, can be read and changed on the way: only for use behind a proxy on the same machine.",
		field: func(s *Settings) any { return &s.Plaintext },
	},
	{
		name:  "dev",
		usage: "Development mode, for a laptop: a certificate made in memory, only this machine, nobody is asked who they are, pages of any origin on this machine may subscribe, demo page, control socket and FIFO in the user's runtime directory, control port 127.0.0.1:8085. Settings left at their defaults change to suit.",
		field: func(s *Settings) any { return &s.Dev },
	},
	{
		name:  "demo",
		usage: "Serve a demo page at / that subscribes and shows events.",
		field: func(s *Settings) any { return &s.Demo },
	},
	{
		name:    "loops",
		usage:   "The number of event loops, each a thread. 0 is one a CPU.",
		example: "4",
		field:   func(s *Settings) any { return &s.Loops },
	},
	{
		name:       "retry",
		usage:      "How long browsers wait before they reconnect, as a duration; each is told a little more or less, so that they do not come back all at once.",
		example:    "5s",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Retry },
	},

	{
		name:       "auth.mode",
		aliases:    []string{"auth"},
		usage:      "How subscribers show who they are, see docs/authorization.md. signed-url: the URL is signed by the site; jwt: a JSON Web Token; both may be named. none, alone: nobody is asked, and everybody may listen to every room they can name. It must be said; only in development mode it goes without saying that it is none. May be repeated, or be one text with commas.",
		example:    "jwt",
		reloadable: true,
		words:      true,
		field:      func(s *Settings) any { return &s.Auth.Mode },
	},
	{
		name:       "auth.allow_all_rooms",
		aliases:    []string{"allow-all-rooms"},
		usage:      "Allow clients to subscribe to every room at once, with *, where nobody is asked (auth.mode none). Otherwise only a token or a signed URL for * allows it.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.AllowAllRooms },
	},
	{
		name:       "auth.signed_url.keys",
		aliases:    []string{"url-key"},
		usage:      "The keys that URLs are signed with: files, each with 32 printable characters at least, written KID=FILE if the URLs say kid=KID. Read again on SIGHUP. May be repeated.",
		example:    "2026=/etc/hassesd/url-2026.key",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.SignedURL.Keys },
	},
	{
		name:       "auth.jwt.keys",
		aliases:    []string{"jwt-key"},
		usage:      "The keys that tokens are signed with, each with its one algorithm (HS256, RS256, ES256 or EdDSA), written ALG:FILE, or KID=ALG:FILE if the tokens say kid. For HS256 the file holds 32 printable characters at least, otherwise the public key in PEM. Read again on SIGHUP. May be repeated.",
		example:    "web=ES256:/etc/hassesd/jwt-web.pem",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Keys },
	},
	{
		name:       "auth.jwt.jwks_file",
		aliases:    []string{"jwks-file"},
		usage:      "A file with a JWK set, besides auth.jwt.keys. Read again on SIGHUP; it is never fetched.",
		example:    "/etc/hassesd/jwks.json",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.JWKSFile },
	},
	{
		name:       "auth.jwt.cookie",
		usage:      "The name of the cookie that holds a token. Empty: tokens are not taken from cookies.",
		example:    "__Host-hassesd",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Cookie },
	},
	{
		name:       "auth.jwt.query",
		usage:      "Take tokens from ?token= as well. URLs end up in histories and in the logs of whatever stands in front: rather use the cookie, or signed URLs.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Query },
	},
	{
		name:       "auth.jwt.issuer",
		usage:      "The issuer (iss) that tokens must be from. Empty: whoever has a key.",
		example:    "https://www.example.org",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Issuer },
	},
	{
		name:       "auth.jwt.audience",
		usage:      "The audience (aud) that tokens must be for. Empty: any; set it if the same keys sign tokens for other services.",
		example:    "hassesd",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Audience },
	},
	{
		name:       "auth.jwt.leeway",
		usage:      "How far the clocks of the issuer and of this machine may be apart, as a duration, at most 30s: tokens are good so much longer, and earlier.",
		example:    "10s",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Leeway },
	},

	{
		name:       "tls.cert_file",
		aliases:    []string{"cert-file"},
		usage:      "The certificate of the https:// listeners: a PEM file with the whole chain, the server's own certificate first. Read again on SIGHUP and when it is replaced. There may be more, as tables [[tls.certificate]] in the file; this one is for clients whose name for the server is in none of them.",
		example:    "/etc/hassesd/fullchain.pem",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.CertFile },
	},
	{
		name:       "tls.key_file",
		aliases:    []string{"key-file"},
		usage:      "The private key of the certificate: a PEM file without a passphrase, readable only by those who must. Read again with the certificate.",
		example:    "/etc/hassesd/privkey.pem",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.KeyFile },
	},
	{
		name:       "tls.watch",
		usage:      "How often the files of the certificates are looked at, as a duration, so that renewed ones are taken over by themselves. 0: never, only on SIGHUP and 'hassesctl reload'.",
		example:    "1m",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.Watch },
	},
	{
		name:       "tls.sni_strict",
		usage:      "Refuse the handshake of clients that name a host (SNI) which no certificate has, or no host at all, instead of showing them the first certificate: scanners of addresses then learn no name.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.SNIStrict },
	},
	{
		name:       "tls.min_version",
		usage:      "The oldest TLS version that is spoken: 1.2 or 1.3.",
		example:    "1.3",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.MinVersion },
	},
	{
		name:       "tls.session_tickets",
		usage:      "Let clients that come back resume their TLS session, which is cheaper for both. The keys change every 8 hours and whenever a certificate does.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.SessionTickets },
	},

	{
		name:    "acme.hosts",
		aliases: []string{"acme-host"},
		usage:   "The host names that certificates are obtained for over ACME, one certificate each; they are renewed by themselves. Without any, ACME is off. May be repeated.",
		example: "push.example.org",
		field:   func(s *Settings) any { return &s.ACME.Hosts },
	},
	{
		name:  "acme.accept_tos",
		usage: "The terms of service of the certification authority have been read and are agreed to. ACME does not begin without it.",
		field: func(s *Settings) any { return &s.ACME.AcceptTOS },
	},
	{
		name:    "acme.email",
		usage:   "The address the certification authority may write to. Not all want one.",
		example: "hostmaster@example.org",
		field:   func(s *Settings) any { return &s.ACME.Email },
	},
	{
		name:    "acme.directory",
		usage:   "The directory URL of the certification authority.",
		example: "https://acme-staging-v02.api.letsencrypt.org/directory",
		field:   func(s *Settings) any { return &s.ACME.Directory },
	},
	{
		name:    "acme.ca_root",
		usage:   "A PEM file with the root certificates that the authority's own HTTPS is checked against, for private authorities. Without one it is those of the system.",
		example: "/etc/hassesd/acme-root.pem",
		field:   func(s *Settings) any { return &s.ACME.CARoot },
	},
	{
		name:    "acme.cache_dir",
		usage:   "The directory where account key, certificates with their keys, and failures are kept. It must be the daemon's own (mode 0700) and is made if there is none; as root it is given to user before privileges are dropped.",
		example: "/srv/hassesd/acme",
		field:   func(s *Settings) any { return &s.ACME.CacheDir },
	},
	{
		name:    "acme.challenges",
		usage:   "How the authority may be shown that a host is ours, the preferred way first: tls-alpn-01 (it connects to port 443 of the host, which must reach an https:// listener) or http-01 (to port 80, which must reach an http:// listener; without one it is passed over). After a failure the next one has its turn. May be repeated.",
		example: "http-01",
		field:   func(s *Settings) any { return &s.ACME.Challenges },
	},
	{
		name:    "acme.fallback",
		usage:   "What a client gets while there is no certificate for a host yet: refuse (no handshake) or selfsigned (a certificate that it will not trust).",
		example: "selfsigned",
		field:   func(s *Settings) any { return &s.ACME.Fallback },
	},
	{
		name:    "acme.eab_kid",
		usage:   "The key identifier of the external account binding, which some authorities give their customers. Empty: none.",
		example: "kid-1",
		field:   func(s *Settings) any { return &s.ACME.EABKeyID },
	},
	{
		name:    "acme.eab_key",
		example: "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
		usage:   "The key of the external account binding, base64url as the authority gave it. On a command line every user of the machine can see it: rather use acme.eab_key_file.",
		field:   func(s *Settings) any { return &s.ACME.EABKey },
	},
	{
		name:    "acme.eab_key_file",
		usage:   "A file with the key of the external account binding, base64url as the authority gave it. It is read before privileges are dropped.",
		example: "/etc/hassesd/eab.key",
		field:   func(s *Settings) any { return &s.ACME.EABKeyFile },
	},

	{
		name:       "cors.origins",
		aliases:    []string{"cors-origin"},
		usage:      "The web origins whose pages may read streams: scheme and host, exactly as the browser sends them in Origin (apps and extensions have some of their own, as capacitor://localhost or chrome-extension://ID), or * for any (then without credentials). A start with hasses' own spellings (-p=, -murl=, --hasses-conf) that sets nothing here lets any origin in, as hasses did, and the log says so. May be repeated.",
		example:    "https://www.example.org",
		reloadable: true,
		field:      func(s *Settings) any { return &s.CORS.Origins },
	},
	{
		name:       "cors.credentials",
		usage:      "Allow the pages of cors.origins to send cookies and other credentials. Refused together with *; with * and nothing said here they are not allowed.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.CORS.Credentials },
	},

	{
		name:       "hsts.max_age",
		usage:      "How long browsers shall refuse anything but https for this host, as a duration (Strict-Transport-Security). 0 leaves the header out.",
		example:    "4320h",
		reloadable: true,
		field:      func(s *Settings) any { return &s.HSTS.MaxAge },
	},
	{
		name:       "hsts.include_subdomains",
		usage:      "Let Strict-Transport-Security count for all subdomains of the host too.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.HSTS.IncludeSubdomains },
	},
}

// eventEntries are those of what streams are sent, and of what is kept.
var eventEntries = []entry{
	{
		name:       "heartbeat.interval",
		usage:      "How long a stream may be silent before a heartbeat is sent, as a duration; it keeps proxies from cutting the stream. 0: none.",
		example:    "30s",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Heartbeat.Interval },
	},
	{
		name:       "heartbeat.event",
		usage:      "The name of the heartbeat event, for pages that want to see it. Without one the heartbeat is a comment, which browsers do not show. Names that begin with hasses. are the daemon's own.",
		example:    "ping",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Heartbeat.Event },
	},

	{
		name:       "history.events",
		usage:      "How many events are kept for clients that come back. 0 turns history off.",
		example:    "10000",
		reloadable: true,
		field:      func(s *Settings) any { return &s.History.Events },
	},
	{
		name:       "history.bytes",
		usage:      "How much memory the kept events may take, as a size. 0 turns history off.",
		example:    "256MiB",
		reloadable: true,
		size:       true,
		field:      func(s *Settings) any { return &s.History.Bytes },
	},
	{
		name:       "history.age",
		usage:      "How long an event is kept, as a duration. 0 turns history off.",
		example:    "1h",
		reloadable: true,
		field:      func(s *Settings) any { return &s.History.Age },
	},
	{
		name:    "history.file",
		usage:   "The file that the kept events are written to when the daemon stops and read from when it starts, so that clients resume across a restart without a gap. Its directory must be the daemon's own. Without one it is history.db in state.dir, if there is a state.dir; off: none.",
		example: "/var/lib/hassesd/history.db",
		field:   func(s *Settings) any { return &s.History.File },
	},

	{
		name:    "state.dir",
		usage:   "The directory for what outlives a restart: the history and the keys of session tickets. It must be the daemon's own, and is made (mode 0700) if there is none; as root it is given to user before privileges are dropped. Without one it is the directory that systemd has made (StateDirectory=), or else nothing outlives a restart.",
		example: "/var/lib/hassesd",
		field:   func(s *Settings) any { return &s.State.Dir },
	},
}

// drainEntries are those of the end.
var drainEntries = []entry{
	{
		name:       "drain.window",
		usage:      "Over how long the streams are ended when the daemon stops, as a duration, so that the clients do not come back all at once. 0: all at once.",
		example:    "30s",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Drain.Window },
	},
	{
		name:       "drain.restart",
		usage:      "A daemon that is stopped by SIGTERM is expected back at the same address: browsers are told to come back when drain.window is over, spread as their streams were ended. false: others serve in its place, behind a balancer, and browsers are told to come back after retry, as they always are by 'hassesctl drain'.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Drain.Restart },
	},
}
