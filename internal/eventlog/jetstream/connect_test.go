package jetstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"testing"
	"time"
)

// A daemon that stops does not wait for a broker that accepts a connection and says nothing.
func TestAHandshakeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	accepted := make(chan net.Conn, 1)
	go func() {
		if conn, err := silent.Accept(); err == nil {
			accepted <- conn
			cancel()
		}
	}()
	o := Options{Name: "t", Now: time.Now, Logger: slog.New(slog.DiscardHandler)}
	began := time.Now()
	if _, err := connectTo(ctx, &o, "nats://"+silent.Addr().String()); err == nil {
		t.Error("a broker that says nothing has been connected to")
	}
	if took := time.Since(began); took >= dialTimeout {
		t.Errorf("it took %s until a connection had ended that nobody wanted any more", took)
	}
	(<-accepted).Close()
}

// A broker that ends before it has shown a certificate is not reachable; one that breaks off, without an alert, after this
// node has accepted its certificate does not accept this node's.
func TestABrokerThatBreaksOffTLS(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	defer web.Close()
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	for _, tc := range []struct {
		name   string
		server string // as this node knows it; "": by its address
		does   func(conn net.Conn)
		want   ConnectFailure
	}{
		{"ends at once", "", func(net.Conn) {}, Unreachable},
		{"ends when TLS begins", "", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) }, Unreachable},
		{"ends after TLS has begun", "", func(conn net.Conn) {
			over := tls.Server(conn, &tls.Config{Certificates: web.TLS.Certificates})
			if err := over.Handshake(); err != nil {
				t.Error(err)
			}
			_, _ = bufio.NewReader(over).ReadString('\n') // CONNECT
		}, TLSRefused},
		{"shows a certificate of another name", "broker.example.org", func(conn net.Conn) {
			_ = tls.Server(conn, &tls.Config{Certificates: web.TLS.Certificates}).Handshake()
		}, TLSRefused},
	} {
		broker, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			conn, err := broker.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, `INFO {"server_id":"x","version":"2.10.0","headers":true,"max_payload":1048576,"tls_required":true}`+"\r\n")
			tc.does(conn)
		}()
		config := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ServerName: tc.server}
		o := Options{Servers: []string{"tls://" + broker.Addr().String()}, TLS: func() (*tls.Config, error) { return config, nil }}
		_, err = o.Probe()
		var e *ConnectError
		if !errors.As(err, &e) || e.Failure != tc.want {
			t.Errorf("a broker that %s: %v, want %s", tc.name, err, tc.want)
		}
		broker.Close()
		<-done
	}
}
