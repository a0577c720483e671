package config

// publishEntries are the keys for publishing over HTTP.
var publishEntries = []entry{
	{
		name:       "publish.http",
		usage:      "Accept POST at path on the listeners, so that back ends anywhere can publish. Each request needs a token with the claim hassesd.publish or a key of a [[control.key]] with the role publish or admin, whatever auth.mode is. In development mode it is on, and programs on this machine need neither.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Publish.HTTP },
	},
	{
		name:       "publish.requests",
		usage:      "Maximum number of POST requests at a time on the listeners, event streams included. One IPv4 address or IPv6 /64 network may have half of them, unless limits.exempt lists it. Further requests are told to come back later (429, 503).",
		example:    "1024",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Publish.Requests },
	},
	{
		name:       "publish.stream_idle",
		usage:      "How long an event stream that is posted may pause before it is ended, as a duration.",
		example:    "1h",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Publish.StreamIdle },
	},
	{
		name:       "publish.dedup_window",
		usage:      "How long the idempotency key of a message is remembered, as a duration. A message that is sent again with the same key within that time is not published again. 0: keys have no effect.",
		example:    "10m",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Publish.DedupWindow },
	},
	{
		name:       "publish.dedup_keys",
		usage:      "Maximum number of idempotency keys to remember, about 512 bytes each. When there are more, the oldest are forgotten, first those of the publisher who uses most. 0: keys have no effect.",
		example:    "1000000",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Publish.DedupKeys },
	},
}
