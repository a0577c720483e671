package config

import "time"

const (
	kib = 1 << 10
	mib = 1 << 20
)

// Defaults returns the default settings. [Load] does not accept them unchanged: authentication and
// a certificate are required.
func Defaults() Settings {
	return Settings{
		Listen:     []string{"https://:8443"},
		Path:       "/sse",
		HTTP2:      true,
		HealthPath: "/healthz",
		Sandbox:    "auto",
		LogLevel:   "normal",
		LogFormat:  "auto",
		Retry:      2 * time.Second,
		Auth: Auth{
			Mode:      []string{},
			SignedURL: AuthSignedURL{Keys: []string{}},
			JWT:       AuthJWT{Keys: []string{}, Cookie: "__Secure-hassesd", Leeway: 5 * time.Second},
		},
		TLS: TLS{Watch: 10 * time.Second, MinVersion: "1.2", SessionTickets: true, Records: RecordsAuto, HotKeys: 16 * mib},
		ACME: ACME{
			Hosts:      []string{},
			Directory:  "https://acme-v02.api.letsencrypt.org/directory",
			CacheDir:   "/var/lib/hassesd/acme",
			Challenges: []string{"tls-alpn-01", "http-01"},
			Fallback:   "refuse",
		},
		CORS:  CORS{Origins: []string{}, Credentials: true},
		HSTS:  HSTS{MaxAge: 63072000 * time.Second}, // two years, as browsers' preload lists require
		Proxy: Proxy{Trusted: []string{}, UnixMode: "0660"},
		Control: Control{
			Socket:      "/run/hassesd/control.sock",
			Connections: 128,
			FIFOMode:    "0620",
			Delimiter:   ";",
			UnixMode:    "0660",
			TCPRole:     "publish",
			TLS:         ControlTLS{Admin: []string{}, Publish: []string{}, Read: []string{}},

			TCPNetworks:    []string{},
			UnixAdmins:     []string{},
			UnixPublishers: []string{},
			UnixReaders:    []string{},
		},
		Publish: Publish{
			Requests:    4096,
			StreamIdle:  10 * time.Minute,
			DedupWindow: 2 * time.Minute,
			DedupKeys:   100_000,
		},
		Heartbeat: Heartbeat{Interval: 15 * time.Second},
		History:   History{Events: 100_000, Bytes: 64 * mib, Age: 10 * time.Minute},
		Limits: Limits{
			// An office or a mobile operator's gateway is one address. After a restart, all its
			// connections return at once, so the burst is above the bound on connections.
			ConnectionsPerAddress: 256,
			StreamsPerAddress:     1024,
			StreamsPerConnection:  100,
			HandshakesPerAddress:  64,
			HandshakeRate:         20,
			HandshakeBurst:        300,
			Penalties:             "on",
			Exempt:                []string{"auto"},

			Handshakes:       1024,
			HandshakeCPU:     80,
			HandshakeTimeout: 10 * time.Second,
			RequestTimeout:   10 * time.Second,
			RequestBytes:     8 * kib,
			RoomsPerClient:   64,
			MessageBytes:     64 * kib,
			QueueBytes:       256 * kib,
			KernelBytes:      128 * kib,
			Slow:             "close",
		},
		Drain:   Drain{Window: 10 * time.Second, Restart: true},
		Cluster: Cluster{NATS: []string{}, Name: "hassesd", Replicas: 1, Patience: 15 * time.Second},
	}
}

// DevFIFO is the value of control.fifo in development mode. It stands for a pipe next to the
// control socket, whose path the daemon finds out at the start.
const DevFIFO = "$XDG_RUNTIME_DIR/hassesd/fifo"

// development returns the defaults of development mode.
func development() Settings {
	s := Defaults()
	s.Dev = true
	s.Listen = []string{"https://127.0.0.1:8443"}
	s.Auth.Mode, s.Auth.AllowAllRooms = []string{"none"}, true
	s.Demo = true
	s.Publish.HTTP = true
	s.Control.TCP, s.Control.FIFO = "127.0.0.1:8085", DevFIFO
	s.API.Listen = "http://127.0.0.1:8444"
	s.HSTS.MaxAge = 0 // a browser would remember it for localhost on all ports
	return s
}
