package config

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
