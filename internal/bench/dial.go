package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dialer opens streams up to their request. Any goroutine may use it.
type dialer struct {
	target  target
	tls     *tls.Config   // nil without TLS
	http2   bool          // the server must choose it
	sources []netip.Addr  // taken in turn; none: the kernel chooses
	timeout time.Duration // of connection, handshake and request together
	next    atomic.Uint64 // of sources
}

// call is a stream that has sent its request.
type call struct {
	fd   int // non-blocking, and the caller's to close
	tls  *tls.Conn
	wire *wire // below tls; nil without TLS
}

// dial connects, does the handshake and sends the request, all on the caller's goroutine. A buffer
// over 0 sets the size of the receive buffer, for slow streams.
func (d *dialer) dial(ctx context.Context, request []byte, buffer int) (call, error) {
	nd := net.Dialer{KeepAlive: -1, Control: prepare(len(d.sources) > 0, buffer)}
	if len(d.sources) > 0 {
		from := d.sources[d.next.Add(1)%uint64(len(d.sources))]
		nd.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	conn, err := nd.DialContext(ctx, "tcp", d.target.address)
	if err != nil {
		return call{}, err
	}
	defer conn.Close() // detach has duplicated its descriptor
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return call{}, err
	}
	c := call{fd: -1}
	if d.tls == nil {
		_, err = conn.Write(request)
	} else {
		c.wire = &wire{conn: conn}
		c.tls = tls.Client(c.wire, d.tls)
		if err = c.tls.Handshake(); err != nil {
			return call{}, fmt.Errorf("TLS handshake: %w", err)
		}
		if d.http2 && c.tls.ConnectionState().NegotiatedProtocol != protoHTTP2 {
			return call{}, errors.New("the server does not offer HTTP/2")
		}
		_, err = c.tls.Write(request)
		c.wire.conn = nil
	}
	if err == nil {
		c.fd, err = detach(conn)
	}
	return c, err
}

// detach returns a descriptor of conn that the Go runtime does not watch. The caller must close it.
func detach(conn net.Conn) (fd int, err error) {
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return -1, err
	}
	ctlErr := raw.Control(func(from uintptr) {
		fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 3)
	})
	if err = errors.Join(ctlErr, os.NewSyscallError("fcntl", err)); err != nil {
		return -1, err
	}
	return fd, nil
}

// prepare sets the socket options that must be set before the socket is bound. A socket that is
// bound without a port gets one when it connects: two sockets may then share a port towards
// different servers, and the kernel searches only once.
func prepare(isBound bool, buffer int) func(network, address string, c syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) (err error) {
		ctlErr := c.Control(func(fd uintptr) {
			if isBound {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
			}
			if buffer > 0 && err == nil {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
			}
		})
		return errors.Join(ctlErr, os.NewSyscallError("setsockopt", err))
	}
}

// clientTLS returns the configuration of all streams. The first handshake verifies the certificate;
// the others only check that it is the same one, since verifying costs as much as the rest of a
// handshake. Sessions are never resumed: each handshake is a full one.
func clientTLS(name string, roots *x509.CertPool, version uint16, curve tls.CurveID, proto string) *tls.Config {
	var verified atomic.Pointer[x509.Certificate]
	cfg := &tls.Config{
		ServerName:         name,
		MinVersion:         version,
		MaxVersion:         version,
		NextProtos:         []string{proto},
		InsecureSkipVerify: true, // VerifyConnection does it
		VerifyConnection: func(s tls.ConnectionState) error {
			leaf := s.PeerCertificates[0]
			if known := verified.Load(); known != nil && known.Equal(leaf) {
				return nil
			}
			o := x509.VerifyOptions{Roots: roots, DNSName: name, Intermediates: x509.NewCertPool()}
			for _, c := range s.PeerCertificates[1:] {
				o.Intermediates.AddCert(c)
			}
			if _, err := leaf.Verify(o); err != nil {
				return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
			}
			verified.Store(leaf)
			return nil
		},
	}
	if curve != 0 {
		cfg.CurvePreferences = []tls.CurveID{curve}
	}
	return cfg
}

// maxSources bounds the source addresses: each has 28,000 ports for one server, so that more are of
// no use.
const maxSources = 4096

// sourceAddresses returns the addresses of a network, without the first and the last one if it has
// more than two.
func sourceAddresses(network netip.Prefix) []netip.Addr {
	network = network.Masked()
	var list []netip.Addr
	for a := network.Addr(); network.Contains(a) && len(list) <= maxSources; a = a.Next() {
		list = append(list, a)
	}
	if len(list) > 2 {
		list = list[1:]
		if !network.Contains(list[len(list)-1].Next()) {
			list = list[:len(list)-1]
		}
	}
	return list
}
