package options

import (
	"github.com/hassesd/hassesd/internal/admin/access"
	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/config"
)

// ownDescriptors is what the daemon itself may need: loops, listeners, files, and the runtime.
const ownDescriptors = 64

// fixedDescriptors is what a daemon without any connection holds, with two listeners of every kind.
const fixedDescriptors = 20

// OtherDescriptors returns how many descriptors everything but subscribers may need.
func OtherDescriptors(s *config.Settings) int {
	return ownDescriptors + controlShares(s)*s.Control.Connections
}

// controlShares returns how many times control.connections the control endpoints may use
// descriptors: each endpoint for that many connections and for as many without a role, at the port
// under TLS for four times as many. api.listen may have that many, too.
func controlShares(s *config.Settings) int {
	shares := 2
	switch {
	case s.Control.TLS.CertFile != "":
		shares = 7
	case s.Control.TCP != "":
		shares = 4
	}
	if s.API.Listen != "" {
		shares++
	}
	return shares
}

// ControlConnections returns how many connections each control endpoint and api.listen may have:
// control.connections, unless descriptors are so scarce that the endpoints together could take them
// all, and nobody could ask for the status any more. The edge leaves at least half of a small limit
// to others than browsers.
func ControlConnections(s *config.Settings, descriptors int) int {
	return min(s.Control.Connections, max(2, (descriptors/2-fixedDescriptors)/controlShares(s)))
}

// ControlSocket returns the path of the Unix socket, empty for none.
func ControlSocket(s *config.Settings) string {
	if s.Dev && s.Control.Socket == config.Defaults().Control.Socket {
		return api.DevSocket()
	}
	return s.Control.Socket
}

// ControlFIFO returns the path of the named pipe, empty for none.
func ControlFIFO(s *config.Settings) string {
	if s.Dev && s.Control.FIFO == config.DevFIFO {
		return api.DevFIFO()
	}
	return s.Control.FIFO
}

// Delimiter returns the byte that ends a classic command; 0: the default.
func Delimiter(s *config.Settings) byte {
	if s.Control.Delimiter == "" {
		return 0
	}
	return s.Control.Delimiter[0]
}

// Rights returns the roles on the control socket and the plain control port.
func Rights(s *config.Settings) access.RightsOptions {
	o := access.RightsOptions{
		TCP:            api.Role(s.Control.TCPRole),
		TCPNetworks:    s.Control.Networks(),
		UnixAdmins:     s.Control.UnixAdmins,
		UnixPublishers: s.Control.UnixPublishers,
		UnixReaders:    s.Control.UnixReaders,
		Delimiter:      Delimiter(s),
	}
	for _, k := range s.Control.Keys {
		o.Keys = append(o.Keys, access.KeySource{ID: k.ID, Role: api.Role(k.Role), File: k.File, SHA256: k.SHA256})
	}
	return o
}

// Access returns the files and roles of the control port under TLS.
func Access(s *config.Settings) access.MutualTLSOptions {
	t := &s.Control.TLS
	return access.MutualTLSOptions{
		CertFile:     t.CertFile,
		KeyFile:      t.KeyFile,
		ClientCAFile: t.ClientCAFile,
		Admin:        t.Admin,
		Publish:      t.Publish,
		Read:         t.Read,
	}
}
