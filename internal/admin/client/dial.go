package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/api"
	"github.com/hassesd/hassesd/internal/pemfile"
)

// Options are where the daemon is. With neither Socket nor TCP, Dial tries [api.DefaultSocket] and
// then [api.DevSocket].
type Options struct {
	Socket string // path of the Unix socket
	TCP    string // host:port; takes precedence over Socket
	CA     string // file with the certificates that may sign the daemon's; empty: plain TCP, on loopback only
	Cert   string // file with our certificate; with CA only
	Key    string // file with its key

	AuthKey string // shown to the daemon at once; empty: none

	// Timeout bounds connecting, and each call whose context has no deadline. 0: 5 s.
	Timeout time.Duration
}

const defaultTimeout = 5 * time.Second

// Dial opens a control connection.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	conn, err := dial(ctx, o)
	if err != nil || o.AuthKey == "" {
		return conn, err
	}
	if _, err := conn.Auth(ctx, o.AuthKey); err != nil {
		_ = conn.Close() // the daemon has said why
		return nil, err
	}
	return conn, nil
}

func dial(ctx context.Context, o Options) (*Conn, error) {
	switch {
	case o.TCP != "":
		return dialTCP(ctx, o)
	case o.CA != "" || o.Cert != "" || o.Key != "":
		return nil, errors.New("a certificate is for a control connection over TCP: say which with --tcp")
	case o.Socket != "":
		return dialUnix(ctx, o.Socket, o.Timeout)
	}
	conn, err := dialUnix(ctx, api.DefaultSocket, o.Timeout)
	if err == nil || errors.Is(err, api.ErrTimeout) {
		return conn, err
	}
	if conn, errDev := dialDev(ctx, o.Timeout); errDev == nil {
		return conn, nil
	}
	return nil, err
}

func dialUnix(ctx context.Context, path string, timeout time.Duration) (*Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, dialError(path, err)
	}
	return newConn(c, path, timeout), nil
}

// dialDev connects to the socket of a development daemon, which must be our own or root's: its
// directory may be where every user can create one.
func dialDev(ctx context.Context, timeout time.Duration) (*Conn, error) {
	path := api.DevSocket()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, dialError(path, err)
	}
	uid, err := peerUID(c)
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("connect to %s: %w", path, err)
	}
	if uid != 0 && uid != os.Geteuid() {
		c.Close()
		return nil, fmt.Errorf("connect to %s: it belongs to user %d, not to you: %w", path, uid, api.ErrNotAllowed)
	}
	return newConn(c, path, timeout), nil
}

// peerUID returns the user of the process at the other end of a Unix socket.
func peerUID(c net.Conn) (int, error) {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("peer credentials of a %T: %w", c, unix.ENOTSUP)
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("peer credentials: %w", err)
	}
	var cred *unix.Ucred
	var errCred error
	err = raw.Control(func(fd uintptr) {
		cred, errCred = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, errCred); err != nil {
		return 0, fmt.Errorf("peer credentials: %w", err)
	}
	return int(cred.Uid), nil
}

func dialTCP(ctx context.Context, o Options) (*Conn, error) {
	host, _, err := net.SplitHostPort(o.TCP)
	if err != nil {
		return nil, fmt.Errorf("control address %q: want host:port: %w", o.TCP, err)
	}
	if o.CA == "" {
		if o.Cert != "" || o.Key != "" {
			return nil, errors.New("a client certificate without --ca would go to a daemon that nobody has verified: give --ca as well")
		}
		if !isLoopback(host) {
			return nil, fmt.Errorf("control address %q is not on this machine: give --ca, --cert and --key for mutual TLS, or use an SSH tunnel", o.TCP)
		}
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", o.TCP)
		if err != nil {
			return nil, dialError(o.TCP, err)
		}
		return newConn(c, o.TCP, o.Timeout), nil
	}
	cfg, err := clientTLS(o, host)
	if err != nil {
		return nil, err
	}
	d := tls.Dialer{Config: cfg}
	c, err := d.DialContext(ctx, "tcp", o.TCP)
	if err != nil {
		return nil, dialError(o.TCP, err)
	}
	alert := &alertConn{Conn: c}
	conn := newConn(alert, o.TCP, o.Timeout)
	conn.alert = alert
	return conn, nil
}

func clientTLS(o Options, host string) (*tls.Config, error) {
	text, err := os.ReadFile(o.CA)
	if err != nil {
		return nil, fmt.Errorf("read the certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	if err := pemfile.AddCertificates(roots, text); err != nil {
		return nil, fmt.Errorf("read the certificate authority %s: %w", o.CA, err)
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: host, NextProtos: []string{api.ALPN}}
	if o.Cert != "" || o.Key != "" {
		pair, err := clientCertificate(o.Cert, o.Key)
		if err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		// Whatever authorities the daemon asks for: its refusal says more than that we had nothing
		// to show.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return cfg, nil
}

func clientCertificate(certFile, keyFile string) (tls.Certificate, error) {
	certPEM, errCert := os.ReadFile(certFile)
	keyPEM, errKey := os.ReadFile(keyFile)
	if err := errors.Join(errCert, errKey); err != nil {
		return tls.Certificate{}, err
	}
	return pemfile.KeyPair(certFile, certPEM, keyFile, keyPEM)
}

// dialError returns err with its kind: unreachable, timed out or not allowed.
func dialError(where string, err error) error {
	kind := api.ErrUnreachable
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	switch {
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		kind = api.ErrTimeout
	case alertOf(err) != "":
		kind = api.ErrCertificate
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM), errors.As(err, &authority), errors.As(err, &hostname):
		kind = api.ErrNotAllowed
	}
	return fmt.Errorf("connect to %s: %w: %w", where, kind, err)
}

// isLoopback reports whether host, a name or an address, is certainly this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
