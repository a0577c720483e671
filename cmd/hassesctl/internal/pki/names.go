package pki

import (
	"net"
	"strings"
)

// isHost reports whether host can stand in a certificate and be the name of a file.
func isHost(host string) bool {
	if net.ParseIP(host) != nil {
		return true
	}
	return len(host) <= 253 && isPlainName(host)
}

// isClientName reports whether name can stand in a URI and be the name of files that nobody takes
// for another's.
func isClientName(name string) bool {
	return len(name) <= 64 && isPlainName(name) && name != authorityName
}

func isPlainName(name string) bool {
	return name != "" && name[0] != '.' && name[0] != '-' && !strings.HasSuffix(name, "-key") && !strings.HasSuffix(name, ".") && !strings.Contains(name, "..") &&
		!strings.ContainsFunc(name, func(r rune) bool {
			return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		})
}
