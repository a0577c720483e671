package config

// tlsEntries are the keys for certificates, from files and over ACME, and for TLS.
var tlsEntries = []entry{
	{
		name:       "tls.cert_file",
		aliases:    []string{"cert-file"},
		usage:      "PEM file with the certificate of the https:// listeners and its chain, the server's own certificate first. Reloaded on SIGHUP and when it changes. Further certificates go into [[tls.certificate]] tables of the configuration file; this one is the default for host names that none of them covers.",
		example:    "/etc/hassesd/fullchain.pem",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.CertFile },
	},
	{
		name:       "tls.key_file",
		aliases:    []string{"key-file"},
		usage:      "PEM file with the private key of tls.cert_file, without a passphrase. It should be readable by root or the daemon only. Reloaded together with the certificate.",
		example:    "/etc/hassesd/privkey.pem",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.KeyFile },
	},
	{
		name:       "tls.watch",
		usage:      "How often to check the certificate files for changes, as a duration, so that renewed certificates are picked up automatically. 0: never, reload only on SIGHUP and 'hassesctl reload'.",
		example:    "1m",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.Watch },
	},
	{
		name:       "tls.sni_strict",
		usage:      "Reject the TLS handshake of clients that ask for a host name without a certificate, or for none, instead of serving the default certificate. This keeps your host names from scanners of IP addresses.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.SNIStrict },
	},
	{
		name:       "tls.min_version",
		usage:      "Lowest TLS version to accept: 1.2 or 1.3.",
		example:    "1.3",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.MinVersion },
	},
	{
		name:       "tls.session_tickets",
		usage:      "Let returning clients resume their TLS session, which saves CPU time on both sides. The ticket keys change every 8 hours and whenever a certificate changes.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.SessionTickets },
	},
	{
		name:       "tls.records",
		usage:      "Who encrypts what subscribers get after the handshake. crypto: always the TLS library of Go, which then keeps several kilobytes for each connection. auto: the daemon, which keeps the keys only, for connections of TLS 1.3 whose keys the library hands over; the library for all others, and always in FIPS mode. 'hassesctl status' counts both. New connections follow a change.",
		example:    "crypto",
		reloadable: true,
		field:      func(s *Settings) any { return &s.TLS.Records },
	},
	{
		name:       "tls.hot_keys",
		usage:      "How much memory may hold keys that are ready to encrypt, as a size. Each takes 800 bytes and saves half a microsecond an event; without it, the key is made ready each time. Streams that get events often should all find room. While memory runs short, none are kept. 0: none.",
		example:    "64MiB",
		reloadable: true,
		size:       true,
		field:      func(s *Settings) any { return &s.TLS.HotKeys },
	},

	{
		name:    "acme.hosts",
		aliases: []string{"acme-host"},
		usage:   "Host names to obtain certificates for over ACME, one certificate each. They are renewed automatically. Without hosts, ACME is off. May be repeated.",
		example: "push.example.org",
		field:   func(s *Settings) any { return &s.ACME.Hosts },
	},
	{
		name:  "acme.accept_tos",
		usage: "Confirm that you have read and accept the terms of service of the certification authority. Required for ACME.",
		field: func(s *Settings) any { return &s.ACME.AcceptTOS },
	},
	{
		name:    "acme.email",
		usage:   "Contact address for the certification authority. Some authorities require it.",
		example: "hostmaster@example.org",
		field:   func(s *Settings) any { return &s.ACME.Email },
	},
	{
		name:    "acme.directory",
		usage:   "Directory URL of the certification authority.",
		example: "https://acme-staging-v02.api.letsencrypt.org/directory",
		field:   func(s *Settings) any { return &s.ACME.Directory },
	},
	{
		name:    "acme.ca_root",
		usage:   "PEM file with the root certificates for HTTPS connections to the certification authority, for a private authority. Without one, the roots of the system.",
		example: "/etc/hassesd/acme-root.pem",
		field:   func(s *Settings) any { return &s.ACME.CARoot },
	},
	{
		name:    "acme.cache_dir",
		usage:   "Directory for the account key, the certificates with their keys, and the record of failures. It must belong to the daemon (mode 0700). If it does not exist, the daemon creates it; started as root, it gives the directory to user.",
		example: "/srv/hassesd/acme",
		field:   func(s *Settings) any { return &s.ACME.CacheDir },
	},
	{
		name:    "acme.challenges",
		usage:   "Challenges to prove control of a host with, in order of preference. tls-alpn-01: the authority connects to port 443 of the host, which must reach an https:// listener. http-01: it connects to port 80, which must reach an http:// listener; skipped if there is none. After a failure, the next one is tried. May be repeated.",
		example: "http-01",
		field:   func(s *Settings) any { return &s.ACME.Challenges },
	},
	{
		name:    "acme.fallback",
		usage:   "What clients get for a host that has no certificate yet: refuse (the handshake fails) or selfsigned (a certificate that clients do not trust).",
		example: "selfsigned",
		field:   func(s *Settings) any { return &s.ACME.Fallback },
	},
	{
		name:    "acme.eab_kid",
		usage:   "Key identifier for external account binding, which some authorities require. Empty: none.",
		example: "kid-1",
		field:   func(s *Settings) any { return &s.ACME.EABKeyID },
	},
	{
		name:    "acme.eab_key",
		example: "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
		usage:   "Key for external account binding, base64url, as the authority gave it to you. Every user of this machine can see it on the command line, so prefer acme.eab_key_file.",
		field:   func(s *Settings) any { return &s.ACME.EABKey },
	},
	{
		name:    "acme.eab_key_file",
		usage:   "File with the key for external account binding, base64url, as the authority gave it to you. Read before the daemon switches to user.",
		example: "/etc/hassesd/eab.key",
		field:   func(s *Settings) any { return &s.ACME.EABKeyFile },
	},
}
