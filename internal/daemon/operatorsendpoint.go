package daemon

import (
	"strings"

	"github.com/hassesd/hassesd/internal/admin/api"
)

// endpoints returns the listener as the control protocol lists it.
func (o *operators) endpoints() []api.Endpoint {
	if o.listener == nil {
		return nil
	}
	return []api.Endpoint{{Kind: api.EndpointAPI, Address: strings.TrimPrefix(o.url(), "unix:"), TLS: o.isTLS}}
}
