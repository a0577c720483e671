package jetstream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestWhyABrokerCannotBeConnectedTo(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err     error
		trusted bool // the broker's certificate
		want    ConnectFailure
		hint    string
	}{
		{nats.ErrNoServers, false, Unreachable, "no servers"},
		{errors.New("dial tcp 10.0.0.11:4222: i/o timeout"), false, Unreachable, "10.0.0.11"},
		{nats.ErrAuthorization, false, Unauthorized, "cluster.credentials_file"},
		{fmt.Errorf("at last: %w", nats.ErrAuthRevoked), false, Unauthorized, "revoked"},
		{nats.ErrAuthExpired, false, Unauthorized, "expired"},
		{nats.ErrAccountAuthExpired, false, Unauthorized, "account"},
		{nats.ErrSecureConnRequired, false, TLSRefused, "tls://"},
		{nats.ErrSecureConnWanted, false, TLSRefused, "tls://"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, false, TLSRefused, "cluster.ca_file"},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, false, TLSRefused, "cluster.ca_file"},
		{fmt.Errorf("read: %w", syscall.ECONNRESET), true, TLSRefused, "cluster.cert_file"},
		{fmt.Errorf("read: %w", syscall.ECONNRESET), false, Unreachable, "reset"},
		{io.EOF, true, TLSRefused, "cluster.cert_file"},
		{io.EOF, false, Unreachable, "EOF"},
		{errors.New("remote error: tls: certificate required"), false, TLSRefused, "cluster.cert_file"},
	} {
		e := connectError(tc.err, tc.trusted)
		if e.Failure != tc.want || !strings.Contains(e.Error(), tc.hint) || !errors.Is(e, tc.err) {
			t.Errorf("%v: %s, %q", tc.err, e.Failure, e.Error())
		}
	}
}
