package eventsource

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"time"
)

var errDowngrade = errors.New("redirected from https to http")

// NewClient returns a client that speaks HTTP/1.1, with one connection for each stream. Connecting,
// the handshake and the head of the answer have the timeout each; a stream has none.
func NewClient(roots *x509.CertPool, timeout time.Duration) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: timeout}).DialContext,
			TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:   timeout,
			ResponseHeaderTimeout: timeout,
			DisableCompression:    true,
			DisableKeepAlives:     true,
			Protocols:             protocols,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= 10 {
				return errors.New("too many redirects")
			}
			if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
				return errDowngrade
			}
			return nil
		},
	}
}

// isHopeless reports whether a failure will be the same the next time.
func isHopeless(err error) bool {
	var notTrusted *tls.CertificateVerificationError
	var notTLS tls.RecordHeaderError
	return errors.As(err, &notTrusted) || errors.As(err, &notTLS) || errors.Is(err, errDowngrade)
}
