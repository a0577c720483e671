package api

// ProtocolVersion is the version of the JSON form of the control protocol. Fields may be added to
// it, never renamed.
const ProtocolVersion = 1

// The methods of the JSON form.
const (
	MethodHello        = "hello"
	MethodStatus       = "status"
	MethodClients      = "clients"
	MethodRooms        = "rooms"
	MethodCount        = "count"
	MethodNodes        = "nodes"
	MethodSend         = "send"
	MethodKick         = "kick"
	MethodLogLevel     = "loglevel"
	MethodReinit       = "reinit"
	MethodReload       = "reload"
	MethodDrain        = "drain"
	MethodCertificates = "certificates"
	MethodLimits       = "limits"
	MethodAuth         = "auth"
	MethodSandbox      = "sandbox"
)

// ALPN is the control protocol's name in TLS. A client that offers other names only, such as a
// browser, is refused (ALPACA); one that offers none is not.
const ALPN = "hassesd-control"
