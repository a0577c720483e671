package server_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// openFewSlots serves plain TCP with so many slots; a new connection waits so long for one.
func openFewSlots(t *testing.T, b *admintest.Backend, slots int, wait time.Duration) (addr string) {
	t.Helper()
	s := server.New(server.Options{Backend: b, Publisher: b, Connections: slots, Logger: slog.New(slog.DiscardHandler)})
	server.SetSlotPatience(s, wait)
	t.Cleanup(func() { stop(t, s) })
	a, err := s.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Serve()
	return a.String()
}

// Back ends that connect for each message, write it and close are never told that one was lost: so
// none is.
func TestMessagesOfManyShortConnectionsAllArrive(t *testing.T) {
	const n = 50
	b := &admintest.Backend{}
	addr := openFewSlots(t, b, 2, time.Hour)
	taken := []*peer{connect(t, "tcp", addr), connect(t, "tcp", addr)}
	for _, p := range taken {
		p.send("numberofclients\n")
		p.line() // it has its place
	}
	for i := range n {
		p := connect(t, "tcp", addr)
		p.send(fmt.Sprintf("room=%d\n", i))
		p.conn.Close()
	}
	for _, p := range taken {
		p.conn.Close()
	}
	times := map[string]int{}
	for _, p := range b.WaitSent(t, n) {
		times[p.Data]++
	}
	for i := range n {
		if got := times[strconv.Itoa(i)]; got != 1 {
			t.Errorf("message %d came %d times", i, got)
		}
	}
}

func TestNobodyWaitsAtADoorThatStaysFull(t *testing.T) {
	b := &admintest.Backend{}
	addr := openFewSlots(t, b, 1, time.Millisecond)
	holder := connect(t, "tcp", addr)
	holder.send("numberofclients\n")
	holder.line()
	for range 3 {
		connect(t, "tcp", addr).wantClosed()
	}
	if got := fmt.Sprint(b.WaitRefusals(t, 3)); got != "[connections connections connections]" {
		t.Errorf("refused for %s", got)
	}
}

func TestShutdownEndsTheWaitForAPlace(t *testing.T) {
	b := &admintest.Backend{}
	s := server.New(server.Options{Backend: b, Publisher: b, Connections: 1, Logger: slog.New(slog.DiscardHandler)})
	server.SetSlotPatience(s, time.Hour)
	a, err := s.ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Serve()
	holder := connect(t, "tcp", a.String())
	holder.send("numberofclients\n")
	holder.line()
	waiting := connect(t, "tcp", a.String())
	stop(t, s)
	waiting.wantClosed()
}
