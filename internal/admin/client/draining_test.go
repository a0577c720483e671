package client

import (
	"bufio"
	"net"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/api"
)

func TestAnAnswerThatEndsTheConnectionArrives(t *testing.T) {
	for range 200 { // it was a race: one in two calls lost its answer
		client, server := net.Pipe()
		c := newConn(client, "test", 20*time.Second)
		go func() {
			if _, err := bufio.NewReader(server).ReadString('\n'); err == nil {
				_, _ = server.Write([]byte(`{"jsonrpc":"2.0","id":1,"result":{"streams":7,"window_seconds":1}}` + "\n"))
			}
			_ = server.Close()
		}()
		d, err := c.Drain(t.Context(), api.DrainParams{})
		if err != nil || d.Streams != 7 {
			t.Fatalf("drain: %+v, %v", d, err)
		}
		_ = c.Close()
	}
}
