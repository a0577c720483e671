package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// valid returns settings that pass.
func valid() Settings {
	s := Defaults()
	s.Auth.Mode = []string{"none"}
	s.TLS.CertFile, s.TLS.KeyFile = "c.pem", "k.pem"
	return s
}

func TestValidSettings(t *testing.T) {
	for name, change := range map[string]func(*Settings){
		"the least":   func(*Settings) {},
		"development": func(s *Settings) { *s = development() },
		"plaintext only": func(s *Settings) {
			s.TLS = TLS{MinVersion: "1.2", Records: RecordsAuto}
			s.Plaintext = true
			s.Listen = []string{"http://:80"}
		},
		"both": func(s *Settings) { s.Plaintext = true; s.Listen = []string{"https://:443", "http://127.0.0.1:80"} },
		"addresses": func(s *Settings) {
			s.Listen = []string{"https://127.0.0.1:1", "https://[::1]:1", "https://localhost:2"}
		},
		"both families":    func(s *Settings) { s.Listen = []string{"https://0.0.0.0:1", "https://[::]:1"} },
		"port 0 twice":     func(s *Settings) { s.Listen = []string{"https://:0", "https://:0"} },
		"slash at the end": func(s *Settings) { s.Listen = []string{"https://:1/"} },
		"root path":        func(s *Settings) { s.Path = "/" },
		"any origin":       func(s *Settings) { s.CORS = CORS{[]string{"*"}, false} },
		"origins": func(s *Settings) {
			s.CORS = CORS{[]string{"https://a.example", "http://b:8080", "https://[::1]:9"}, true}
		},
		"origins of apps and extensions": func(s *Settings) {
			s.CORS = CORS{[]string{
				"capacitor://localhost", "ionic://localhost", "tauri://localhost", "app://-", "app://Desk.App",
				"chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb", "moz-extension://1fa2c7e0-5b3c-4a52-93c0-1d2f6f6e8b11",
				"safari-web-extension://4F2A6BB4-1D2E-4C6E-A0B9-0A1B2C3D4E5F", "vscode-webview://0a1b2c",
			}, true}
		},
		"control on loopback":        func(s *Settings) { s.Control.TCP = "127.0.0.1:1" },
		"control on localhost":       func(s *Settings) { s.Control.TCP = "localhost:1" },
		"control on IPv6":            func(s *Settings) { s.Control.TCP = "[::1]:1" },
		"another loopback":           func(s *Settings) { s.Control.TCP = "127.9.9.9:0" },
		"control for all with TLS":   func(s *Settings) { s.Control.TCP, s.Control.TLS = ":1", controlTLS() },
		"control on a name with TLS": func(s *Settings) { s.Control.TCP, s.Control.TLS = "push.example.org:1", controlTLS() },
		"API on loopback":            func(s *Settings) { s.API = API{"http://127.0.0.1:8444", true} },
		"API on localhost":           func(s *Settings) { s.API.Listen = "http://localhost:0" },
		"API on IPv6":                func(s *Settings) { s.API.Listen = "http://[::1]:8444" },
		"API on loopback with TLS":   func(s *Settings) { s.API.Listen = "https://127.0.0.1:8444" },
		"API on a Unix socket":       func(s *Settings) { s.API.Listen = "unix:/run/hassesd/api.sock" },
		"API for all with a key": func(s *Settings) {
			s.API.Listen = "https://:8444"
			s.Control.Keys = []ControlKey{{ID: "prometheus", Role: "read", File: "k"}}
		},
		"API's dev port in use": func(s *Settings) {
			*s = development()
			s.Listen = []string{"https://127.0.0.1:8444"}
		},
		"no health path":           func(s *Settings) { s.HealthPath = "" },
		"health at the root":       func(s *Settings) { s.HealthPath = "/" },
		"no doors":                 func(s *Settings) { s.Control.Socket = "" },
		"user":                     func(s *Settings) { s.User = "www" },
		"user by number":           func(s *Settings) { s.User = "33" },
		"unknown numbers":          func(s *Settings) { s.User, s.Group = "4711", "4712" },
		"user and group":           func(s *Settings) { s.User, s.Group = "www", "staff" },
		"chroot and user":          func(s *Settings) { s.User, s.Chroot = "www", "/srv" },
		"strict sandbox":           func(s *Settings) { s.Sandbox = "strict" },
		"no sandbox":               func(s *Settings) { s.Sandbox = "off" },
		"group of the FIFO":        func(s *Settings) { s.Control.FIFOGroup = "staff" },
		"a FIFO as hasses made it": func(s *Settings) { s.Control.FIFOMode = "0666" },
		"a FIFO for its owner":     func(s *Settings) { s.Control.FIFOMode = "600" },
		"group of the socket":      func(s *Settings) { s.Control.UnixGroup = "staff" },
		"a socket for all, who are told apart": func(s *Settings) {
			s.Control.UnixMode, s.Control.UnixReaders = "0666", []string{"user:54002"}
		},
		"three octal digits":  func(s *Settings) { s.Control.UnixMode = "600" },
		"bar":                 func(s *Settings) { s.Control.Delimiter = "|" },
		"no history":          func(s *Settings) { s.History = History{} },
		"no heartbeat":        func(s *Settings) { s.Heartbeat.Interval = 0 },
		"largest message":     func(s *Settings) { s.Limits.MessageBytes = 16 * mib },
		"TLS 1.3":             func(s *Settings) { s.TLS.MinVersion = "1.3" },
		"records of Go's TLS": func(s *Settings) { s.TLS.Records = RecordsCrypto },
		"no hot keys":         func(s *Settings) { s.TLS.HotKeys = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			s := valid()
			change(&s)
			if err := validate(s); err != nil {
				t.Errorf("refused: %v", err)
			}
			s.Listeners()
			s.Control.UnixPermissions()
		})
	}
}

func TestInvalidSettings(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Settings)
		want   string // key and beginning of the complaint
		hint   string // part of it
	}{
		{"no listener", func(s *Settings) { s.Listen = nil }, "listen: no address", "https://:8443"},
		{"other scheme", func(s *Settings) { s.Listen = []string{"ftp://:1"} }, `listen: "ftp://:1" is not an https://`, "https://:8443"},
		{"no scheme", func(s *Settings) { s.Listen = []string{":8443"} }, `listen: ":8443" is not`, ""},
		{"no port", func(s *Settings) { s.Listen = []string{"https://a"} }, `listen: "https://a" has no port`, ""},
		{"port too large", func(s *Settings) { s.Listen = []string{"https://:65536"} }, `listen: "https://:65536" has no port between`, ""},
		{"path in address", func(s *Settings) { s.Listen = []string{"https://:1/sse"} }, `listen: "https://:1/sse" has more`, "path"},
		{"query in address", func(s *Settings) { s.Listen = []string{"https://:1?a"} }, `listen: "https://:1?a" has more`, ""},
		{"password in address", func(s *Settings) { s.Listen = []string{"https://a:b@c:1"} }, `listen: "https://a:b@c:1" has more`, ""},
		{"star for a host", func(s *Settings) { s.Listen = []string{"https://*:1"} }, `listen: "https://*:1" has no address or name`, "leave the host out"},
		{"unencrypted", func(s *Settings) { s.Listen = []string{"https://:1", "http://:2"} }, `listen: "http://:2" is not encrypted`, "--plaintext"},
		{"same twice", func(s *Settings) { s.Listen = []string{"https://a:1", "https://a:1"} }, `listen: "https://a:1" and "https://a:1" are the same port`, ""},
		{"covered by all", func(s *Settings) { s.Listen = []string{"https://:1", "https://127.0.0.1:01"} }, `listen: "https://:1" and "https://127.0.0.1:01"`, ""},
		{"covered by all IPv4", func(s *Settings) { s.Listen = []string{"https://127.0.0.1:1", "https://0.0.0.0:1"} }, `listen: "https://127.0.0.1:1" and`, ""},
		{"no slash", func(s *Settings) { s.Path = "sse" }, `path: "sse" does not begin`, "/sse"},
		{"query in path", func(s *Settings) { s.Path = "/sse?x" }, `path: "/sse?x" has a character`, ""},
		{"space in path", func(s *Settings) { s.Path = "/a b" }, `path: "/a b" has a character`, ""},
		{"percent in path", func(s *Settings) { s.Path = "/%41" }, `path: "/%41" has a character`, ""},
		{"demo in the way", func(s *Settings) { s.Path, s.Demo = "/", true }, `path: the demo page is at /`, "leave demo out"},
		{"no certificate", func(s *Settings) { s.TLS.CertFile, s.TLS.KeyFile = "", "" }, `tls.cert_file: an https:// listener needs`, "--dev on a laptop, --cert-file and --key-file or --acme-host on a server, or --plaintext"},
		{"no key", func(s *Settings) { s.TLS.KeyFile = "" }, `tls.key_file: a certificate is set, but no private key`, "--key-file"},
		{"key alone", func(s *Settings) { s.TLS.CertFile = "" }, `tls.cert_file: a private key is set, but no certificate`, "--cert-file"},
		{"nobody asked", func(s *Settings) { s.Auth.Mode = []string{} }, `auth.mode: no way to authenticate subscribers`, "--auth none"},
		{"other mode", func(s *Settings) { s.Auth.Mode = []string{"magic"} }, `auth.mode: "magic" is not`, ""},
		{"any origin with credentials", func(s *Settings) { s.CORS = CORS{[]string{"*"}, true} }, `cors.credentials: credentials cannot be combined with`, "name the origins"},
		{"origin with a path", func(s *Settings) { s.CORS.Origins = []string{"https://a/b"} }, `cors.origins: "https://a/b" is not a web origin`, ""},
		{"origin without scheme", func(s *Settings) { s.CORS.Origins = []string{"a.example"} }, `cors.origins: "a.example" is not a web origin`, ""},
		{"origin of other scheme", func(s *Settings) { s.CORS.Origins = []string{"file://a"} }, `cors.origins: "file://a" is not a web origin: no page has one of file:`, "over HTTP"},
		{"null origin", func(s *Settings) { s.CORS.Origins = []string{"null"} }, `cors.origins: "null" is what every sandboxed frame`, "own origin"},
		{"origin with a pattern", func(s *Settings) { s.CORS.Origins = []string{"https://*.a"} }, `cors.origins: "https://*.a" is not a web origin`, ""},
		{"origin with a bad port", func(s *Settings) { s.CORS.Origins = []string{"https://a:99999"} }, `cors.origins: "https://a:99999" is not a web origin`, ""},
		{"app without a host", func(s *Settings) { s.CORS.Origins = []string{"capacitor://"} }, `cors.origins: "capacitor://" is not a web origin: it has no name`, "capacitor://localhost"},
		{"extension with a path", func(s *Settings) { s.CORS.Origins = []string{"chrome-extension://abc/p.html"} }, `cors.origins: "chrome-extension://abc/p.html" is not a web origin: it has more`, "leave the rest out"},
		{"every extension", func(s *Settings) { s.CORS.Origins = []string{"chrome-extension://*"} }, `cors.origins: "chrome-extension://*" is not a web origin: * stands only alone`, "each"},
		{"origin of a WebSocket", func(s *Settings) { s.CORS.Origins = []string{"wss://a"} }, `cors.origins: "wss://a" is not a web origin: no page`, "https://"},
		{"app's scheme in capitals", func(s *Settings) { s.CORS.Origins = []string{"Tauri://localhost"} }, `cors.origins: "Tauri://localhost" is not how browsers`, `"tauri://localhost"`},
		{"app's port", func(s *Settings) { s.CORS.Origins = []string{"tauri://localhost:99999"} }, `cors.origins: "tauri://localhost:99999" is not a web origin`, "65535"},
		{"origin in capitals", func(s *Settings) { s.CORS.Origins = []string{"https://A.example"} }, `cors.origins: "https://A.example" is not how browsers`, `"https://a.example"`},
		{"origin with slash", func(s *Settings) { s.CORS.Origins = []string{"https://a/"} }, `cors.origins: "https://a/" is not how browsers`, `"https://a"`},
		{"origin with its scheme's port", func(s *Settings) { s.CORS.Origins = []string{"https://a:443"} }, `cors.origins: "https://a:443" is not how`, `"https://a"`},
		{"API for all without TLS", func(s *Settings) { s.API.Listen = "http://:8444" }, `api.listen: "http://:8444" is not on loopback and not encrypted`, "http://127.0.0.1:8444"},
		{"API for all without a key", func(s *Settings) { s.API.Listen = "https://:8444" }, `api.listen: "https://:8444" is not on loopback, so it requires a key`, "[[control.key]]"},
		{"API without scheme", func(s *Settings) { s.API.Listen = "127.0.0.1:8444" }, `api.listen: "127.0.0.1:8444" is not an https://, http:// or unix: address`, "unix:/run"},
		{"API without port", func(s *Settings) { s.API.Listen = "http://127.0.0.1" }, `api.listen: "http://127.0.0.1" has no port`, ""},
		{"API with a path", func(s *Settings) { s.API.Listen = "http://127.0.0.1:1/metrics" }, `api.listen: "http://127.0.0.1:1/metrics" has more than`, ""},
		{"API at a relative path", func(s *Settings) { s.API.Listen = "unix:api.sock" }, `api.listen: "api.sock" is not an absolute path`, "unix:/run"},
		{"API at a long path", func(s *Settings) { s.API.Listen = "unix:/" + strings.Repeat("x", 107) }, `api.listen: the path is longer than 107`, ""},
		{"API at the control socket", func(s *Settings) { s.API.Listen = "unix:" + s.Control.Socket }, `api.listen: the control socket has the same path`, ""},
		{"API at the pipe", func(s *Settings) { s.Control.FIFO, s.API.Listen = "/f", "unix:/f" }, `api.listen: the pipe control.fifo has the same path`, ""},
		{"API and browsers on one port", func(s *Settings) { s.API.Listen = "http://127.0.0.1:8443" }, `api.listen: "http://127.0.0.1:8443" and listen "https://:8443" are the same port`, ""},
		{"API and control on one port", func(s *Settings) { s.Control.TCP, s.API.Listen = "127.0.0.1:1", "http://127.0.0.1:1" }, `api.listen: "http://127.0.0.1:1" and control.tcp`, ""},
		{"API with nobody's certificate", func(s *Settings) {
			s.TLS.CertFile, s.TLS.KeyFile, s.API.Listen = "", "", "https://127.0.0.1:8444"
			s.Listen, s.Plaintext = []string{"http://:80"}, true
		}, `tls.cert_file: an https:// listener needs`, ""},
		{"profiles nowhere", func(s *Settings) { s.API.Pprof = true }, `api.pprof: profiles are served at api.listen`, "set api.listen"},
		{"health path without slash", func(s *Settings) { s.HealthPath = "up" }, `health_path: "up" does not begin`, "/healthz"},
		{"health path to be encoded", func(s *Settings) { s.HealthPath = "/a b" }, `health_path: "/a b" has a character`, ""},
		{"health path of the streams", func(s *Settings) { s.HealthPath = s.Path }, `health_path: streams are at "/sse"`, ""},
		{"health path of the demo", func(s *Settings) { s.HealthPath, s.Demo = "/", true }, `health_path: the demo page`, "leave demo out"},
		{"control for all", func(s *Settings) { s.Control.TCP = ":1" }, `control.tcp: ":1" is not on loopback`, "127.0.0.1:1"},
		{"control outside", func(s *Settings) { s.Control.TCP = "192.0.2.1:1" }, `control.tcp: "192.0.2.1:1" is not on loopback`, ""},
		{"control on a name", func(s *Settings) { s.Control.TCP = "a.localhost:1" }, `control.tcp: "a.localhost:1" is not on loopback`, ""},
		{"control outside without TLS", func(s *Settings) { s.Control.TCP = "192.0.2.1:1" }, `control.tcp: "192.0.2.1:1" is not on loopback: without TLS`, "control.tls.cert_file"},
		{"control outside without networks", func(s *Settings) { s.Control.TCP = ":1" }, `control.tcp: ":1" is not on loopback`, "control.tcp_networks"},
		{"networks without a port", func(s *Settings) { s.Control.TCPNetworks = []string{"10.0.0.0/8"} }, `control.tcp: is missing, although control.tcp_networks is set`, ":8085"},
		{"networks and TLS", func(s *Settings) {
			s.Control.TCP, s.Control.TLS, s.Control.TCPNetworks = ":1", controlTLS(), []string{"10.0.0.0/8"}
		}, `control.tcp_networks: is for the port without TLS`, "remove it"},
		{"the world as a network", openControl("0.0.0.0/0"), `control.tcp_networks: "0.0.0.0/0" is not within a private network`, "control.tls"},
		{"the world of IPv6", openControl("::/0"), `control.tcp_networks: "::/0" is not within a private network`, "control.tls"},
		{"more than a private network", openControl("172.16.0.0/11"), `control.tcp_networks: "172.16.0.0/11" has bits`, "172.0.0.0/11"},
		{"half of it public", openControl("172.0.0.0/8"), `control.tcp_networks: "172.0.0.0/8" is not within a private network`, "172.16.0.0/12"},
		{"a public address", openControl("10.0.0.0/8", "203.0.113.7"), `control.tcp_networks: "203.0.113.7" is not within a private network`, ""},
		{"a public IPv6 network", openControl("2001:db8::/32"), `control.tcp_networks: "2001:db8::/32" is not within a private network`, ""},
		{"a name as a network", openControl("backend"), `control.tcp_networks: "backend" is not a network`, "10.0.0.0/8"},
		{"networks on nonsense", func(s *Settings) { s.Control.TCP, s.Control.TCPNetworks = "a b:1", []string{"10.0.0.0/8"} }, `control.tcp: "a b:1" has no address`, ""},
		{"too many networks", openControl(slices.Repeat([]string{"10.0.0.0/8"}, 65)...), `control.tcp_networks: there are 65 networks`, "combine"},
		{"control TLS without a port", func(s *Settings) { s.Control.TLS = controlTLS() }, `control.tcp: is missing`, ":8085"},
		{"control TLS on nonsense", func(s *Settings) { s.Control.TCP, s.Control.TLS = "a b:1", controlTLS() }, `control.tcp: "a b:1" has no address`, ""},
		{"control TLS without authorities", func(s *Settings) {
			s.Control.TCP, s.Control.TLS = ":1", controlTLS()
			s.Control.TLS.ClientCAFile = ""
		}, `control.tls.client_ca_file: is missing`, "hassesctl pki"},
		{"control TLS without roles", func(s *Settings) {
			s.Control.TCP, s.Control.TLS = ":1", controlTLS()
			s.Control.TLS.Read = nil
		}, `control.tls.admin: no client certificate has a role`, "control.tls.read"},
		{"control without port", func(s *Settings) { s.Control.TCP = "127.0.0.1" }, `control.tcp: "127.0.0.1" is not an address with a port`, ""},
		{"long socket", func(s *Settings) { s.Control.Socket = "/" + strings.Repeat("x", 107) }, `control.socket: the path is longer than 107`, ""},
		{"pipe and socket", func(s *Settings) { s.Control.FIFO = s.Control.Socket }, `control.fifo: the pipe and the Unix socket`, ""},
		{"no delimiter", func(s *Settings) { s.Control.Delimiter = "" }, `control.delimiter: "" is not one ASCII character`, ""},
		{"two delimiters", func(s *Settings) { s.Control.Delimiter = ";;" }, `control.delimiter: ";;" is not one`, ""},
		{"delimiter of two bytes", func(s *Settings) { s.Control.Delimiter = "§" }, `control.delimiter: "§" is not one`, ""},
		{"brace", func(s *Settings) { s.Control.Delimiter = "{" }, `control.delimiter: "{" has another meaning`, ""},
		{"equals sign", func(s *Settings) { s.Control.Delimiter = "=" }, `control.delimiter: "=" has another meaning`, ""},
		{"dash", func(s *Settings) { s.Control.Delimiter = "-" }, `control.delimiter: "-" has another meaning`, ""},
		{"star", func(s *Settings) { s.Control.Delimiter = "*" }, `control.delimiter: "*" has another meaning`, ""},
		{"newline", func(s *Settings) { s.Control.Delimiter = "\n" }, `control.delimiter: a line break`, ""},
		{"letter", func(s *Settings) { s.Control.Delimiter = "a" }, `control.delimiter: "a" is a letter`, ""},
		{"NUL", func(s *Settings) { s.Control.Delimiter = "\x00" }, `control.delimiter: "\x00" is not a printable character`, ""},
		{"lone byte", func(s *Settings) { s.Control.Delimiter = "\xff" }, `control.delimiter: "\xff" is not a printable character`, ""},
		{"socket that others may read", func(s *Settings) { s.Control.UnixMode = "0664" }, `control.unix_mode: "0664" would let every user`, "control.unix_admins"},
		{"socket for the world", func(s *Settings) { s.Control.UnixMode = "0666" }, `control.unix_mode: "0666" would let every user`, "0660"},
		{"no octal", func(s *Settings) { s.Control.UnixMode = "0680" }, `control.unix_mode: "0680" is not an octal permission`, ""},
		{"set-uid socket", func(s *Settings) { s.Control.UnixMode = "4660" }, `control.unix_mode: "4660" is not an octal permission`, ""},
		{"no octal for the FIFO", func(s *Settings) { s.Control.FIFOMode = "rw-" }, `control.fifo_mode: "rw-" is not an octal permission`, "0620"},
		{"sticky FIFO", func(s *Settings) { s.Control.FIFOMode = "1620" }, `control.fifo_mode: "1620" is not an octal permission`, ""},
		{"FIFO that the daemon cannot read", func(s *Settings) { s.Control.FIFOMode = "0220" }, `control.fifo_mode: "0220" would not let the daemon itself`, "0620"},
		{"chroot alone", func(s *Settings) { s.Chroot = "/srv" }, `chroot: is set without user`, "--user"},
		{"relative chroot", func(s *Settings) { s.User, s.Chroot = "www", "srv" }, `chroot: "srv" is not an absolute path`, ""},
		{"half a sandbox", func(s *Settings) { s.Sandbox = "on" }, `sandbox: "on" is not one of auto, strict, off`, ""},
		{"group alone", func(s *Settings) { s.Group = "staff" }, `group: is set without user`, "--user"},
		{"event with a line break", func(s *Settings) { s.Heartbeat.Event = "a\nb" }, `heartbeat.event: "a\nb" contains a control character`, ""},
		{"event with CR", func(s *Settings) { s.Heartbeat.Event = "a\r" }, `heartbeat.event: "a\r" contains a control character`, ""},
		{"event of the daemon's own", func(s *Settings) { s.Heartbeat.Event = "hasses.gap" }, `heartbeat.event: the name begins with "hasses."`, "ping"},
		{"long event", func(s *Settings) { s.Heartbeat.Event = strings.Repeat("x", 129) }, `heartbeat.event: the name is longer`, ""},
		{"event that EventSource fires itself", func(s *Settings) { s.Heartbeat.Event = "error" }, `heartbeat.event: the name is "error", which EventSource itself fires`, "ping"},
		{"escape in a file name", func(s *Settings) { s.LogFile = "/a\x1b" }, `log_file: "/a\x1b" contains a control character`, ""},
		{"kernel TLS", func(s *Settings) { s.TLS.Records = "kernel" }, `tls.records: "kernel" is not one of auto, crypto`, ""},
		{"TLS 1.1", func(s *Settings) { s.TLS.MinVersion = "1.1" }, `tls.min_version: "1.1" is not one of 1.2, 1.3`, ""},
		{"level", func(s *Settings) { s.LogLevel = "loud" }, `log_level: "loud" is not one of quiet, normal, debug`, ""},
		{"format", func(s *Settings) { s.LogFormat = "jsn" }, `log_format: "jsn" is not one of`, `did you mean "json"?`},
		{"slow", func(s *Settings) { s.Limits.Slow = "drop" }, `limits.slow: "drop" is not one of`, ""},
		{"loops", func(s *Settings) { s.Loops = -1 }, `loops: -1 is not between`, ""},
		{"retry", func(s *Settings) { s.Retry = 0 }, `retry: 0 is not between 1ms and 24h`, ""},
		{"hsts", func(s *Settings) { s.HSTS.MaxAge = -1 }, `hsts.max_age: -1ns is not between`, ""},
		{"heartbeat", func(s *Settings) { s.Heartbeat.Interval = time.Millisecond }, `heartbeat.interval: 1ms is neither 0 nor between 10ms and 24h`, ""},
		{"history events", func(s *Settings) { s.History.Events = -1 }, `history.events: -1 is not between`, ""},
		{"history bytes", func(s *Settings) { s.History.Bytes = -1 }, `history.bytes: -1 is not between`, ""},
		{"history age", func(s *Settings) { s.History.Age = -1 }, `history.age: -1ns is not between`, ""},
		{"connections", func(s *Settings) { s.Limits.Connections = -1 }, `limits.connections: -1 is not between`, ""},
		{"per address", func(s *Settings) { s.Limits.ConnectionsPerAddress = -1 }, `limits.connections_per_address: -1`, ""},
		{"handshakes", func(s *Settings) { s.Limits.Handshakes = 0 }, `limits.handshakes: 0 is not between 1`, ""},
		{"handshake timeout", func(s *Settings) { s.Limits.HandshakeTimeout = 0 }, `limits.handshake_timeout: 0 is not between`, ""},
		{"request timeout", func(s *Settings) { s.Limits.RequestTimeout = 0 }, `limits.request_timeout: 0 is not between`, ""},
		{"request bytes", func(s *Settings) { s.Limits.RequestBytes = 100 }, `limits.request_bytes: 100 is not between 512 and 1MiB`, ""},
		{"rooms", func(s *Settings) { s.Limits.RoomsPerClient = 0 }, `limits.rooms_per_client: 0 is not between`, ""},
		{"no message", func(s *Settings) { s.Limits.MessageBytes = 0 }, `limits.message_bytes: 0 is not between 1 and 16MiB`, ""},
		{"message too large", func(s *Settings) { s.Limits.MessageBytes = 16*mib + 1 }, `limits.message_bytes: 16777217 is not between`, ""},
		{"queue", func(s *Settings) { s.Limits.QueueBytes = 1023 }, `limits.queue_bytes: 1023 is not between 1KiB`, ""},
		{"stream age", func(s *Settings) { s.Limits.StreamAge = -1 }, `limits.stream_age: -1ns is neither 0`, ""},
		{"drain", func(s *Settings) { s.Drain.Window = 2 * time.Hour }, `drain.window: 2h is not between 0 and 1h`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := valid()
			c.change(&s)
			err := validate(s)
			var all *Errors
			if !errors.As(err, &all) {
				t.Fatalf("Validate returned %v, not an *Errors", err)
			}
			if len(all.List) != 1 || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got  %v\nwant one that begins with %s", err, c.want)
			}
			if !strings.Contains(all.List[0].Hint, c.hint) {
				t.Errorf("hint is %q, want it to contain %q", all.List[0].Hint, c.hint)
			}
		})
	}
}

func TestDefaultsMissOnlyWhatMustBeSaid(t *testing.T) {
	err := validate(Defaults())
	var all *Errors
	if !errors.As(err, &all) || len(all.List) != 2 {
		t.Fatalf("got %v, want two errors", err)
	}
	line := err.Error() // one
	for _, want := range []string{"tls.cert_file: an https:// listener needs", "; and auth.mode: no way to authenticate subscribers"} {
		if !strings.Contains(line, want) || strings.Contains(line, "\n") {
			t.Errorf("got %q, want %q in one line", line, want)
		}
	}
}

func TestListeners(t *testing.T) {
	s := valid()
	s.Plaintext = true
	s.Listen = []string{"https://:8443", "http://[::1]:80", "https://127.0.0.1:0/", "unix:/run/hassesd/http.sock"}
	want := []Listener{{TLS: true, Addr: ":8443"}, {Addr: "[::1]:80"}, {TLS: true, Addr: "127.0.0.1:0"}, {Unix: "/run/hassesd/http.sock"}}
	for i, got := range s.Listeners() {
		if got != want[i] {
			t.Errorf("listener %d is %+v, want %+v", i, got, want[i])
		}
	}
}

func TestUnixListeners(t *testing.T) {
	for _, tt := range []struct {
		listen []string
		want   string // empty: nothing is wrong
	}{
		{[]string{"unix:/run/hassesd/http.sock"}, ""}, // without a certificate, and without plaintext
		{[]string{"unix:/a", "unix:/b"}, ""},
		{[]string{"unix:/a", "unix:/a"}, `"unix:/a" and "unix:/a" are the same socket`},
		{[]string{"unix:http.sock"}, `"http.sock" is not the path of a socket from / on`},
		{[]string{"unix://run/http.sock"}, "is not the path of a socket"},
		{[]string{"unix:/run/../http.sock"}, "is not the path of a socket"},
		{[]string{"unix:"}, "is not the path of a socket"},
		{[]string{"unix:/" + strings.Repeat("x", maxSocketPath)}, "longer than 107 bytes"},
		{[]string{"unix:/run/control.sock"}, "is for the control protocol"},
		{[]string{"unix:/run/api.sock"}, "is for operators"},
	} {
		s := Defaults()
		s.Auth.Mode, s.Listen, s.Control.Socket = []string{"none"}, tt.listen, "/run/control.sock"
		s.API.Listen = "unix:/run/api.sock"
		err := validate(s)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%v: got %v, want %q", tt.listen, err, tt.want)
		}
	}
}

func TestUnixPermissions(t *testing.T) {
	for text, want := range map[string]uint32{"0660": 0o660, "600": 0o600, "000": 0} {
		if got := (&Control{UnixMode: text}).UnixPermissions(); got != want {
			t.Errorf("%s is %o, want %o", text, got, want)
		}
	}
}

// controlTLS is all that control.tls needs.
func controlTLS() ControlTLS {
	return ControlTLS{CertFile: "c.pem", KeyFile: "k.pem", ClientCAFile: "ca.pem", Read: []string{"uri:a:b"}}
}
