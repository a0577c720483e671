package access

// Endpoint is the way that a control connection came in by.
type Endpoint string

// The endpoints.
const (
	Unix Endpoint = "unix"
	TCP  Endpoint = "tcp"
	TLS  Endpoint = "tls"
	FIFO Endpoint = "fifo"
)
