package config

// eventEntries are the keys for heartbeats, history and state.
var eventEntries = []entry{
	{
		name:       "heartbeat.interval",
		usage:      "How long a stream may be idle before the daemon sends a heartbeat, as a duration. Heartbeats keep proxies from closing idle connections. Less than 0.1 s counts as 0.1 s. 0: none.",
		example:    "30s",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Heartbeat.Interval },
	},
	{
		name:       "heartbeat.event",
		usage:      "Event name of heartbeats, for pages that want to receive them. Without one, the heartbeat is a comment, which browsers ignore. Names that begin with hasses. are reserved.",
		example:    "ping",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Heartbeat.Event },
	},

	{
		name:       "history.events",
		usage:      "How many events to keep for clients that reconnect. 0: no history.",
		example:    "10000",
		reloadable: true,
		field:      func(s *Settings) any { return &s.History.Events },
	},
	{
		name:       "history.bytes",
		usage:      "How much memory the kept events may use, as a size. 0: no history.",
		example:    "256MiB",
		reloadable: true,
		size:       true,
		field:      func(s *Settings) any { return &s.History.Bytes },
	},
	{
		name:       "history.age",
		usage:      "How long to keep an event, as a duration. 0: no history.",
		example:    "1h",
		reloadable: true,
		field:      func(s *Settings) any { return &s.History.Age },
	},
	{
		name:    "history.file",
		usage:   "File to save the history in when the daemon stops and to load it from when it starts, so that clients resume across a restart without a gap. Its directory must belong to the daemon. Without a file, history.db in state.dir, if that is set. off: no file.",
		example: "/var/lib/hassesd/history.db",
		field:   func(s *Settings) any { return &s.History.File },
	},

	{
		name:    "state.dir",
		usage:   "Directory for state that survives a restart: the history and the session ticket keys. It must belong to the daemon. If it does not exist, the daemon creates it (mode 0700); started as root, it gives the directory to user. Without a directory, the one that systemd provides (StateDirectory=); otherwise nothing is kept.",
		example: "/var/lib/hassesd",
		field:   func(s *Settings) any { return &s.State.Dir },
	},
}

// drainEntries are the keys for the stop.
var drainEntries = []entry{
	{
		name:       "drain.window",
		usage:      "Time over which streams are closed when the daemon stops, as a duration, so that clients do not all reconnect at once. 0: close all at once.",
		example:    "30s",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Drain.Window },
	},
	{
		name:       "drain.restart",
		usage:      "Assume on SIGTERM that the daemon restarts at the same address: clients are told to reconnect after drain.window, spread as their streams were closed. false: other servers take over, for example behind a load balancer, and clients are told to reconnect after retry. 'hassesctl drain' always does the latter.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Drain.Restart },
	},
}
