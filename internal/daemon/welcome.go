package daemon

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
)

// welcome tells whoever has just started development mode what to type next. It is for people: a log for programs, or in a file,
// has nothing of it.
func welcome(s *config.Settings, w io.Writer, url string, endpoints []api.Endpoint) {
	if !s.Dev || s.LogFile != "" || s.LogFormat != "auto" && s.LogFormat != "text" {
		return
	}
	_, _ = io.WriteString(w, welcomeText(s, url, endpoints, toolName())) // or it goes unread
}

// welcomeText has lines that can be copied into a shell. The ways in are those that are open.
func welcomeText(s *config.Settings, address string, ways []api.Endpoint, tool string) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	b.WriteString("Development mode. Try, in another shell:\n\n")
	isTLS := strings.HasPrefix(address, "https:")
	if s.Demo && address != "" {
		note := ""
		if isTLS {
			note = "   (the browser asks once whether to trust the certificate)"
		}
		line("page", "%s/%s", strings.TrimSuffix(address, s.Path), note)
	}
	if address != "" {
		insecure := ""
		if isTLS {
			insecure = " --insecure"
		}
		line("subscribe", "curl%s --no-buffer '%s?subscribe=room624'", insecure, address)
	}
	name := "publish"
	for _, way := range ways {
		switch way.Kind {
		case api.EndpointControlSocket:
			if way.Address != api.DevSocket() {
				tool += " --socket " + shellWord(way.Address)
			}
			line(name, "%s send room624 hello", tool)
		case api.EndpointFIFO:
			line(name, "echo room624=hello > %s", shellWord(way.Address))
		case api.EndpointControlTCP:
			host, port, err := net.SplitHostPort(way.Address)
			if err != nil || way.TLS {
				continue
			}
			line(name, `php -r 'fwrite(fsockopen("%s", %s), "room624=hello\n");'`, host, port)
		case api.EndpointListen:
			continue
		}
		name = ""
	}
	for _, way := range ways {
		if way.Kind == api.EndpointControlSocket {
			line("look", "%s status", tool)
		}
	}
	b.WriteString("\n")
	return b.String()
}

// shellWord quotes what a shell would not take as it is.
func shellWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/._-+:@%", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// toolName is how to call the hassesctl that lies beside this program, if one does, from where it was started.
func toolName() string {
	const name = "hassesctl"
	self, err := os.Executable()
	if err != nil {
		return name
	}
	beside := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(beside); err != nil {
		return name
	}
	if here, err := os.Getwd(); err == nil {
		if short, err := filepath.Rel(here, beside); err == nil && !strings.HasPrefix(short, "..") && strings.Contains(short, "/") {
			return shellWord(short)
		}
	}
	return shellWord(beside)
}
