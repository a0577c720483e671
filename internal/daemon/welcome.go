package daemon

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
)

// welcome returns what to type next in development mode. It is for people: with a log for programs,
// or in a file, it is empty. It looks around in the file system, so it comes before the sandbox.
func welcome(s *config.Settings, url string, endpoints []api.Endpoint) string {
	if !s.Dev || s.LogFile != "" || s.LogFormat != "auto" && s.LogFormat != "text" {
		return ""
	}
	return welcomeText(s, url, endpoints, toolName())
}

// welcomeText returns lines that can be copied into a shell. The endpoints are those that are open.
func welcomeText(s *config.Settings, address string, endpoints []api.Endpoint, tool string) string {
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
	for _, way := range endpoints {
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
		case api.EndpointListen, api.EndpointAPI:
			continue
		}
		name = ""
	}
	for _, way := range endpoints {
		switch way.Kind {
		case api.EndpointControlSocket:
			line("look", "%s status", tool)
		case api.EndpointAPI:
			line("dashboard", "%s/", way.Address)
			line("metrics", "curl %s/metrics", way.Address)
		case api.EndpointListen, api.EndpointControlTCP, api.EndpointFIFO:
		}
	}
	b.WriteString("\n")
	return b.String()
}

// shellWord returns s quoted as far as a shell needs it.
func shellWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("/._-+:@%", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// toolName returns how to call the hassesctl beside this program, if there is one, from the working
// directory.
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
