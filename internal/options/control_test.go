package options

import (
	"reflect"
	"testing"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
)

func TestControlConnectionsFitTheDescriptors(t *testing.T) {
	s := config.Defaults()
	for _, tt := range []struct{ descriptors, want int }{
		{20_000, 128},
		{1024, 128},
		{256, 54},
		{64, 6},
		{32, 2},
	} {
		if got := ControlConnections(&s, tt.descriptors); got != tt.want {
			t.Errorf("%d descriptors: %d connections, want %d", tt.descriptors, got, tt.want)
		}
	}
	s.Control.TCP, s.Control.TLS.CertFile = ":9085", "cert.pem" // whose clients without a role need descriptors as well
	for _, tt := range []struct{ descriptors, want int }{{20_000, 128}, {256, 15}, {64, 2}} {
		if got := ControlConnections(&s, tt.descriptors); got != tt.want {
			t.Errorf("with TLS, %d descriptors: %d connections, want %d", tt.descriptors, got, tt.want)
		}
	}
}

func TestControlEndpointsOfDevelopmentMode(t *testing.T) {
	s := config.Defaults()
	if got := ControlSocket(&s); got != s.Control.Socket {
		t.Errorf("socket %q", got)
	}
	s.Dev, s.Control.FIFO = true, config.DevFIFO
	if socket, fifo := ControlSocket(&s), ControlFIFO(&s); socket != api.DevSocket() || fifo != api.DevFIFO() {
		t.Errorf("in development mode: socket %q, FIFO %q", socket, fifo)
	}
	s.Control.Socket, s.Control.FIFO = "/run/x", "/run/y"
	if socket, fifo := ControlSocket(&s), ControlFIFO(&s); socket != "/run/x" || fifo != "/run/y" {
		t.Errorf("when set: socket %q, FIFO %q", socket, fifo)
	}
}

func TestRightsAndAccessAreMappedWhole(t *testing.T) {
	s := config.Defaults()
	s.Control.Delimiter, s.Control.TCPRole = ";", "publish"
	s.Control.TCPNetworks = []string{"10.0.0.0/8"}
	s.Control.UnixAdmins, s.Control.UnixPublishers, s.Control.UnixReaders = []string{"a"}, []string{"p"}, []string{"r"}
	s.Control.Keys = []config.ControlKey{{ID: "x", Role: "read", File: "f"}}
	s.Control.TLS = config.ControlTLS{CertFile: "c", KeyFile: "k", ClientCAFile: "ca", Admin: []string{"a"}, Publish: []string{"p"}, Read: []string{"r"}}
	s.Limits.PublishRate, s.Limits.PublishBytes = 1, 2
	for what, v := range map[string]reflect.Value{
		"Rights": reflect.ValueOf(Rights(&s)), "Access": reflect.ValueOf(Access(&s)), "Publish": reflect.ValueOf(Publish(&s)), "Pace": reflect.ValueOf(Publish(&s).Pace),
	} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s: %s is not set", what, v.Type().Field(i).Name)
			}
		}
	}
	if Delimiter(&s) != ';' {
		t.Errorf("delimiter %q", Delimiter(&s))
	}
}
