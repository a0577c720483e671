package certs

import (
	"crypto/tls"
	"fmt"
)

// Policy is the TLS settings other than the certificates.
type Policy struct {
	MinVersion string // "1.2" or "1.3"
	SNIStrict  bool   // refuse names without a certificate, and clients that send no name
	Tickets    bool   // sessions can be resumed
	HTTP2      bool   // h2 is offered, before the versions of HTTP/1
}

func (p Policy) minVersion() (uint16, error) {
	switch p.MinVersion {
	case "1.2":
		return tls.VersionTLS12, nil
	case "1.3":
		return tls.VersionTLS13, nil
	}
	return 0, fmt.Errorf("TLS version %q is not one of 1.2, 1.3", p.MinVersion)
}

const (
	protoHTTP2  = "h2"
	protoHTTP   = "http/1.1"
	protoHTTP10 = "http/1.0"
	// protoChallenge is what an ACME server negotiates to validate a challenge (RFC 8737).
	protoChallenge = "acme-tls/1"
)

// newConfig returns a fresh configuration. A clone of a used one would carry over session ticket
// keys, and with them sessions established under another policy. Only the snapshot chooses
// certificates: Certificates stays empty, so that crypto/tls replies with unrecognized_name if the
// snapshot has none (RFC 6066).
func newConfig(minVersion uint16, choose func(*tls.ClientHelloInfo) (*tls.Certificate, error), http2, isChallenged bool) *tls.Config {
	config := &tls.Config{
		GetCertificate: choose,
		MinVersion:     minVersion,
		// TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has no other suites.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
			tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
		// Without P-521, which costs the server much more than the client.
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		// crypto/tls refuses a client that offers protocols but none of these (ALPACA), and accepts
		// one that offers none.
		NextProtos: []string{protoHTTP, protoHTTP10},
		// Events are written in whole records. Small first records would cost more system calls.
		DynamicRecordSizingDisabled: true,
		// There is no early data to replay, and as a server crypto/tls neither compresses nor
		// renegotiates.
	}
	if http2 {
		config.NextProtos = append([]string{protoHTTP2}, config.NextProtos...)
	}
	if isChallenged {
		config.NextProtos = append(config.NextProtos, protoChallenge)
	}
	return config
}
