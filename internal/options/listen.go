package options

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/hassesd/hassesd/internal/config"
)

// SplitListen returns the address of a listen URL, and whether it is for TLS. The port defaults to
// that of the scheme.
func SplitListen(listen string) (address string, secure bool, err error) {
	u, err := url.Parse(listen)
	if err != nil {
		return "", false, fmt.Errorf("listen: %w", err)
	}
	secure = u.Scheme == "https"
	port := u.Port()
	switch {
	case port == "" && secure:
		port = "443"
	case port == "":
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port), secure, nil
}

// WantsTLS reports whether browsers or operators are served over TLS.
func WantsTLS(s *config.Settings) bool { return Mode(s.Listen) != "http" || s.API.IsTLS() }

// UnixListen returns the path of a listen address that is a Unix socket.
func UnixListen(listen string) (path string, ok bool) { return strings.CutPrefix(listen, "unix:") }

// Mode returns what the listeners speak together: https, http or mixed.
func Mode(listen []string) string {
	var secure, plain bool
	for _, l := range listen {
		if strings.HasPrefix(l, "https:") {
			secure = true
		} else {
			plain = true
		}
	}
	switch {
	case secure && plain:
		return "mixed"
	case plain:
		return "http"
	}
	return "https"
}
