package proxies

import (
	"os"
	"strings"
	"syscall"
	"time"
)

// kind is how a proxy is started, and what is to be expected of it.
type kind struct {
	name   string
	start  func(s *setup) (reload func())
	scheme string
	http2  bool          // browsers speak HTTP/2
	cuts   time.Duration // a stream without a heartbeat is cut after this; 0: never
}

var kinds = []kind{
	{name: "nginx", start: startNginx, scheme: "https", http2: true, cuts: minute},
	{name: "apache", start: startApache, scheme: "https", http2: true, cuts: minute},
	{name: "apache-deflate", start: startApache, scheme: "https", http2: true, cuts: minute},
	{name: "haproxy", start: startHAProxy, scheme: "https", http2: true, cuts: minute},
	{name: "haproxy-passthrough", start: startHAProxyPassthrough, scheme: "https", http2: true, cuts: minute},
	{name: "caddy", start: startCaddy, scheme: "https", http2: true},
	{name: "varnish", start: startVarnish, scheme: "http", cuts: minute},
}

const (
	backend = "127.0.0.1:8080" // of the examples
	chain   = "/etc/ssl/events.example.org/fullchain.pem"
	key     = "/etc/ssl/events.example.org/privkey.pem"
)

func port(address string) string { return address[strings.LastIndexByte(address, ':'):] }

// startPlain starts the daemon without TLS.
func (s *setup) startPlain() {
	s.t.Helper()
	s.change = []replace{{backend, s.private}}
	s.configure(heartbeat)
	s.Run()
}

func startNginx(s *setup) (reload func()) {
	s.startPlain()
	conf := s.copyExample("nginx.conf",
		replace{"listen 443", "listen " + s.public},
		replace{backend, s.private},
		replace{chain, s.Path("cert.pem")}, replace{key, s.Path("key.pem")},
		replace{"60s", minute.String()},
		replace{"/run/nginx.pid", s.Path("nginx.pid")},
		replace{"/var/log/nginx", s.Dir},
		replace{"http {\n", "http {\n" + strings.Join([]string{
			"client_body_temp_path " + s.Path("body") + ";", "proxy_temp_path " + s.Path("proxy") + ";", "fastcgi_temp_path " + s.Path("fastcgi") + ";",
			"scgi_temp_path " + s.Path("scgi") + ";", "uwsgi_temp_path " + s.Path("uwsgi") + ";\n",
		}, "\n")},
		replace{"worker_processes auto", "worker_processes 1"},
		replace{"32768", "512"},
		replace{"65536", "2048"},
	)
	s.launch("nginx", "-e", s.Path("start.log"), "-c", conf, "-g", "daemon off;")
	return func() { s.signal(syscall.SIGHUP) }
}

func startApache(s *setup) (reload func()) {
	s.startPlain()
	conf := s.copyExample("apache2.conf",
		replace{"Listen 443", "Listen " + s.public + "\nDefaultRuntimeDir " + s.Dir},
		replace{"*:443", "*" + port(s.public)},
		replace{backend, s.private},
		replace{chain, s.Path("cert.pem")}, replace{key, s.Path("key.pem")},
		replace{"timeout=60", "timeout=3"}, // a minute, in whole seconds
		replace{"/run/apache2", s.Dir}, replace{"/var/log/apache2", s.Dir},
	)
	s.launch("apache2", "-d", s.Dir, "-f", conf, "-DFOREGROUND")
	return func() { s.signal(syscall.SIGUSR1) } // as apachectl graceful
}

func startHAProxy(s *setup) (reload func()) {
	s.startPlain()
	conf := s.copyExample("haproxy.cfg",
		replace{"bind :443", "bind " + s.public},
		replace{backend, s.private},
		replace{"/etc/haproxy/certs/events.example.org.pem", s.bothPEM()},
		replace{"60s", "3s"},
		replace{"maxconn 50000", "maxconn 500"},
	)
	s.launch("haproxy", "-W", "-db", "-f", conf)
	return func() { s.signal(syscall.SIGUSR2) }
}

func startHAProxyPassthrough(s *setup) (reload func()) {
	s.change = []replace{{"127.0.0.1:8443", s.private}, {"/etc/hassesd/tls/fullchain.pem", s.Path("cert.pem")}, {"/etc/hassesd/tls/privkey.pem", s.Path("key.pem")}}
	s.configure(heartbeat)
	s.Run()
	send := "send-proxy-v2"
	if s.older {
		send = "send-proxy"
	}
	conf := s.copyExample("haproxy.cfg",
		replace{"bind :443", "bind " + s.public},
		replace{"127.0.0.1:8443", s.private},
		replace{"send-proxy-v2", send},
		replace{"60s", "3s"},
		replace{"maxconn 50000", "maxconn 500"},
	)
	s.launch("haproxy", "-W", "-db", "-f", conf)
	return func() { s.signal(syscall.SIGUSR2) }
}

func startCaddy(s *setup) (reload func()) {
	s.private = s.Path("http.sock")
	s.change = []replace{{"/run/hassesd/http.sock", s.private}}
	if os.Geteuid() != 0 { // who may not give the socket to a group
		s.change = append(s.change, replace{"unix_group", "# unix_group"})
	}
	s.configure(heartbeat)
	s.Run()
	admin := "unix/" + s.Path("admin.sock")
	conf := s.copyExample("Caddyfile",
		replace{"events.example.org {", strings.Join([]string{
			"{", "admin " + admin, "auto_https disable_redirects", "default_sni localhost", "}",
			"https://localhost" + port(s.public) + ", https://127.0.0.1" + port(s.public) + " {", "bind 127.0.0.1", "tls " + s.Path("cert.pem") + " " + s.Path("key.pem"),
		}, "\n")},
		replace{"/run/hassesd/http.sock", s.private},
	)
	s.launch("caddy", "run", "--adapter", "caddyfile", "--config", conf)
	return func() {
		s.run("caddy", "reload", "--force", "--adapter", "caddyfile", "--config", conf, "--address", admin)
	}
}

func startVarnish(s *setup) (reload func()) {
	s.startPlain()
	host, private, _ := strings.Cut(s.private, ":")
	conf := s.copyExample("default.vcl",
		replace{`.host = "127.0.0.1"`, `.host = "` + host + `"`},
		replace{`.port = "8080"`, `.port = "` + private + `"`},
	)
	dir := s.Path("varnish")
	s.launch("varnishd", "-F", "-j", "none", "-n", dir, "-a", s.public, "-f", conf, "-s", "default,16m", "-p", "pipe_timeout=3")
	return func() {
		s.run("varnishadm", "-n", dir, "vcl.load", "again", conf)
		s.run("varnishadm", "-n", dir, "vcl.use", "again")
	}
}
