package daemon

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/admin/client"
	"github.com/hassesd/hassesd/internal/config"
	"github.com/hassesd/hassesd/internal/listen"
)

// devFIFO has the start open the FIFO that development mode brings along.
var devFIFO = config.Assignment{Flag: "fifo", Value: config.DevFIFO}

func TestEndpointsOfDevelopmentMode(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	r := start(t, "", devFIFO, config.Assignment{Flag: "control-tcp", Value: "127.0.0.1:0"})
	kinds := make(map[api.EndpointKind]string)
	for _, door := range r.status().Endpoints {
		kinds[door.Kind] = door.Address
	}
	if len(kinds) != 4 || !strings.HasPrefix(kinds[api.EndpointListen], "https://127.0.0.1:") {
		t.Errorf("endpoints %v", kinds)
	}
	if kinds[api.EndpointControlSocket] == "" || kinds[api.EndpointFIFO] != api.DevFIFO() {
		t.Errorf("endpoints %v, want the FIFO at %s", kinds, api.DevFIFO())
	}
	tcp, err := client.Dial(t.Context(), client.Options{TCP: kinds[api.EndpointControlTCP], Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tcp.Close() }()
	if _, err := tcp.Send(t.Context(), api.SendParams{To: api.Targets{"room624"}, Data: "hello"}); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(kinds[api.EndpointFIFO], []byte("room624=hello\n"), 0); err != nil {
		t.Error(err)
	}
	r.waitFor("both messages", func() bool { return r.status().MessagesTotal == 2 })
	for _, line := range []string{"Development mode.", "curl --insecure", "echo room624=hello > " + api.DevFIFO(), "php -r"} {
		if !strings.Contains(r.logged(), line) {
			t.Errorf("%q is not told at the start", line)
		}
	}
}

// What only development mode asked for is no reason not to start; what the user named is.
func TestFIFOInUse(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	if err := listen.PrepareDir(api.DevDir(), 0o600, -1); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(api.DevFIFO(), 0o600); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(api.DevFIFO(), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	r := start(t, "", devFIFO)
	if slices.ContainsFunc(r.status().Endpoints, func(d api.Endpoint) bool { return d.Kind == api.EndpointFIFO }) {
		t.Error("the FIFO is shared with another reader")
	}
	if !strings.Contains(r.logged(), "no FIFO") {
		t.Error("the log does not tell")
	}
	settings := *r.daemon.settings.Load()
	settings.Control.FIFO, settings.Control.Socket = api.DevFIFO(), filepath.Join(t.TempDir(), "s")
	err = Run(t.Context(), Options{Settings: settings, Stderr: &logBuffer{}})
	if err == nil || !strings.Contains(err.Error(), "another process reads this FIFO") {
		t.Errorf("a FIFO that was asked for: %v", err)
	}
}

// A second daemon says what stands in its way, and what to do.
func TestPortInUse(t *testing.T) {
	r := start(t, "")
	settings := *r.daemon.settings.Load()
	settings.Control.Socket = filepath.Join(t.TempDir(), "s")
	settings.Listen = r.daemon.listeners.addresses()
	err := Run(t.Context(), Options{Settings: settings, Stderr: &logBuffer{}})
	if err == nil || !strings.Contains(err.Error(), "--listen") || !strings.Contains(err.Error(), "another process has this port") {
		t.Errorf("got %v", err)
	}
	settings.Listen = []string{"https://127.0.0.1:0"}
	settings.Control.TCP = strings.TrimPrefix(r.daemon.listeners.addresses()[0], "https://")
	err = Run(t.Context(), Options{Settings: settings, Stderr: &logBuffer{}})
	if err == nil || !strings.Contains(err.Error(), "--control-tcp") {
		t.Errorf("got %v", err)
	}
}
