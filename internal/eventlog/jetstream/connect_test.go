package jetstream

import (
	"context"
	"log/slog"
	"net"
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
