package inspect

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hassesd/hassesd/cmd/hassesctl/internal/output"
	"github.com/hassesd/hassesd/internal/admin/api"
)

// linesAt returns the rows of a table on a terminal of that width.
func linesAt(t *testing.T, table *output.Table, width int) []string {
	t.Helper()
	var b bytes.Buffer
	table.Print(output.NewTerminal(&b, width))
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	return lines[1:] // behind the headings
}

// Who looks for the slow one of many clients does so on a terminal as wide as any.
func TestClientsAt80Columns(t *testing.T) {
	clients := []api.Client{
		{ID: "anna", Addr: "192.0.2.1:50190", State: "streaming", HTTP: "1.1", TLS: "TLS 1.3", AgeSeconds: 273906, Rooms: []string{"room624", "room7"}, Sent: 130, QueueBytes: 200000, Agent: "Mozilla/5.0 (X11; Linux x86_64)"},
		{ID: strings.Repeat("x", 64), Addr: "[2001:db8:1111:2222:3333:4444:5555:6666]:50190", State: "handshaking", HTTP: "2", TLS: "TLS 1.2", AgeSeconds: 1e6, Rooms: []string{strings.Repeat("r", 60)}, Sent: 1234567, QueueBytes: 1023 << 10, Agent: "curl"},
	}
	for _, line := range linesAt(t, clientsTable(clients), 80) {
		if output.Width(line) > 80 {
			t.Errorf("%d columns: %q", output.Width(line), line)
		}
	}
	lines := linesAt(t, clientsTable(clients), 80)
	for i, want := range []string{"195.3 KiB", "1023.0 KiB"} {
		if version := strings.TrimPrefix(clients[i].TLS, "TLS "); !strings.Contains(lines[i], "  "+version+" ") {
			t.Errorf("TLS %s is not in %q", version, lines[i])
		}
		if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], strconv.FormatUint(clients[i].Sent, 10)) {
			t.Errorf("sent and queue are not in %q", lines[i])
		}
	}
}

func TestCertificatesAt80Columns(t *testing.T) {
	when := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	tb := certificatesTable([]api.Certificate{{
		Names: []string{"push.example.org", "www.example.org", "example.org"}, Source: "selfsigned", Key: "ECDSA P-256",
		Issuer: "CN=An Authority With A Name That Goes On,O=Example", NotAfter: when, DaysLeft: 1234, LoadedAt: when,
	}})
	line := linesAt(t, tb, 80)[0]
	if output.Width(line) > 80 || strings.Count(line, "2026-03-01") != 2 || !strings.Contains(line, "1234") {
		t.Errorf("%d columns: %q", output.Width(line), line)
	}
}
