package certs

import (
	"crypto/tls"
	"fmt"
)

// Policy is what the settings say about TLS beside the certificates.
type Policy struct {
	MinVersion string // "1.2" or "1.3"
	SNIStrict  bool   // names that no certificate has, and clients that name none, are refused without a certificate
	Tickets    bool   // sessions can be resumed
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
	protoHTTP   = "http/1.1"
	protoHTTP10 = "http/1.0"
	// protoChallenge is negotiated by an ACME server that looks for the answer to its challenge (RFC 8737).
	protoChallenge = "acme-tls/1"
)

// newConfig makes a configuration from nothing: a clone of a used one would carry session ticket keys over,
// and with them sessions that were agreed under another policy. The certificate is chosen by the snapshot alone:
// Certificates stays empty, so that "none" is answered with unrecognized_name (RFC 6066).
func newConfig(minVersion uint16, choose func(*tls.ClientHelloInfo) (*tls.Certificate, error), isChallenged bool) *tls.Config {
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
		// P-521 is left out: it costs the server much more than the client.
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		// A client that offers protocols without one of these is refused (ALPACA); one that offers none is not.
		NextProtos: []string{protoHTTP, protoHTTP10},
		// Events are written in whole records; small first ones would only cost more system calls.
		DynamicRecordSizingDisabled: true,
		// What a request costs is spent before it is read: there is no early data to replay, and crypto/tls neither
		// compresses nor renegotiates as a server.
	}
	if isChallenged {
		config.NextProtos = append(config.NextProtos, protoChallenge)
	}
	return config
}
