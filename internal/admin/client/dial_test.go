package client

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/api"
)

func TestDialError(t *testing.T) {
	for _, tt := range []struct{ err, want error }{
		{unix.ENOENT, api.ErrUnreachable},
		{unix.ECONNREFUSED, api.ErrUnreachable},
		{unix.EACCES, api.ErrNotAllowed},
		{unix.EPERM, api.ErrNotAllowed},
		{context.DeadlineExceeded, api.ErrTimeout},
		{os.ErrDeadlineExceeded, api.ErrTimeout},
		{x509.UnknownAuthorityError{}, api.ErrNotAllowed},
		{x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}, api.ErrNotAllowed},
	} {
		got := dialError("there", fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: tt.err}))
		if !errors.Is(got, tt.want) || !errors.Is(got, tt.err) {
			t.Errorf("%v: got %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LocalHost": true, "127.0.0.1": true, "127.255.0.1": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "192.0.2.1": false, "localhost.example": false, "127.0.0.1.example": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("%q: got %t", host, got)
		}
	}
}
