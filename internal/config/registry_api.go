package config

// apiEntries are the keys for the operators' HTTP listener and for health checks.
var apiEntries = []entry{
	{
		name:    "api.listen",
		usage:   "Where operators and their tools reach the daemon over HTTP, for metrics, health checks and the dashboard: http:// on a loopback address, unix:/PATH, or https:// with the certificates of tls or acme. On other than loopback addresses, all but health checks require a key of [[control.key]]. A Unix socket has the permissions of control.unix_mode and control.unix_group. Empty: none. In development mode, the default is http://127.0.0.1:8444.",
		example: "unix:/run/hassesd/api.sock",
		field:   func(s *Settings) any { return &s.API.Listen },
	},
	{
		name:  "api.pprof",
		usage: "Serve profiles of the daemon at /debug/pprof/ of api.listen, to those who show a key with the role admin. The sandbox then lets the daemon set the timers that a CPU profile needs.",
		field: func(s *Settings) any { return &s.API.Pprof },
	},
}
