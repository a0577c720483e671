package config

// authEntries are the keys for authentication of subscribers.
var authEntries = []entry{
	{
		name:       "auth.mode",
		choices:    []string{"signed-url", "jwt", "none"},
		aliases:    []string{"auth"},
		usage:      "How subscribers authenticate: signed-url (the site signs the URL), jwt (a JSON Web Token), or both. none, which excludes the others: no authentication, every client may subscribe to any room whose name it knows. Required, except in development mode (none). Repeat it, or separate values by commas. See docs/authorization.md.",
		example:    "jwt",
		reloadable: true,
		words:      true,
		field:      func(s *Settings) any { return &s.Auth.Mode },
	},
	{
		name:       "auth.allow_all_rooms",
		aliases:    []string{"allow-all-rooms"},
		usage:      "With auth.mode none, allow clients to subscribe to all rooms at once (*). With authentication, the token or the signed URL decides.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.AllowAllRooms },
	},
	{
		name:       "auth.signed_url.keys",
		aliases:    []string{"url-key"},
		usage:      "Files with the keys that sign URLs, each at least 32 printable characters. Write KID=FILE for URLs that carry kid=KID. Reloaded on SIGHUP. May be repeated.",
		example:    "2026=/etc/hassesd/url-2026.key",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.SignedURL.Keys },
	},
	{
		name:       "auth.jwt.keys",
		aliases:    []string{"jwt-key"},
		usage:      "Keys that verify tokens, as ALG:FILE, or KID=ALG:FILE for tokens that carry that kid. ALG is HS256, RS256, ES256 or EdDSA. For HS256, the file contains at least 32 printable characters; otherwise, the public key in PEM. Reloaded on SIGHUP. May be repeated.",
		example:    "web=ES256:/etc/hassesd/jwt-web.pem",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Keys },
	},
	{
		name:       "auth.jwt.jwks_file",
		aliases:    []string{"jwks-file"},
		usage:      "File with a JWK set, in addition to auth.jwt.keys. Reloaded on SIGHUP, never fetched over the network.",
		example:    "/etc/hassesd/jwks.json",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.JWKSFile },
	},
	{
		name:       "auth.jwt.cookie",
		usage:      "Name of the cookie that may carry the token. Empty: no cookie is read.",
		example:    "__Host-hassesd",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Cookie },
	},
	{
		name:       "auth.jwt.query",
		usage:      "Accept tokens in ?token= as well. URLs end up in browser histories and in the logs of proxies, so prefer the cookie or signed URLs.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Query },
	},
	{
		name:       "auth.jwt.issuer",
		usage:      "Required issuer (iss) of tokens. Empty: any issuer whose key is configured.",
		example:    "https://www.example.org",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Issuer },
	},
	{
		name:       "auth.jwt.audience",
		usage:      "Required audience (aud) of tokens. Empty: any. Set it if the same keys also sign tokens for other services.",
		example:    "hassesd",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Audience },
	},
	{
		name:       "auth.jwt.leeway",
		usage:      "How far the clocks of the token issuer and this machine may differ, as a duration, at most 30s. Tokens are accepted that much before nbf and after exp.",
		example:    "10s",
		reloadable: true,
		field:      func(s *Settings) any { return &s.Auth.JWT.Leeway },
	},
}

// webEntries are the keys for what browsers are told about origins and HTTPS.
var webEntries = []entry{
	{
		name:       "cors.origins",
		aliases:    []string{"cors-origin"},
		usage:      "Web origins whose pages may read streams: scheme and host, exactly as browsers send them in the Origin header. Apps and browser extensions have origins too, for example capacitor://localhost or chrome-extension://ID. *: any origin, without credentials. The default is * if the daemon is started with flags of hasses (-p=, -murl=) or --hasses-conf; the log warns about it. May be repeated.",
		example:    "https://www.example.org",
		reloadable: true,
		field:      func(s *Settings) any { return &s.CORS.Origins },
	},
	{
		name:       "cors.credentials",
		usage:      "Allow pages of cors.origins to send cookies and other credentials. It cannot be combined with *; with *, the default is false.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.CORS.Credentials },
	},

	{
		name:       "hsts.max_age",
		usage:      "How long browsers must use HTTPS only for this host (the Strict-Transport-Security header), as a duration. 0: no header.",
		example:    "4320h",
		reloadable: true,
		field:      func(s *Settings) any { return &s.HSTS.MaxAge },
	},
	{
		name:       "hsts.include_subdomains",
		usage:      "Apply Strict-Transport-Security to all subdomains of the host as well.",
		reloadable: true,
		field:      func(s *Settings) any { return &s.HSTS.IncludeSubdomains },
	},
}
