package server_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/server"
)

// startFewSlots starts a server whose endpoints have so many slots; a new connection waits so long
// for one.
func startFewSlots(t *testing.T, b *admintest.Backend, slots int, wait time.Duration) admintest.Endpoints {
	t.Helper()
	return admintest.StartServer(t, server.Options{Backend: b, Connections: slots}, func(s *server.Server) { server.SetSlotPatience(s, wait) })
}

// Back ends that connect for each message, write it and close are never told that one was lost: so
// none is.
func TestMessagesOfManyShortConnectionsAllArrive(t *testing.T) {
	const n = 50
	b := &admintest.Backend{}
	addr := startFewSlots(t, b, 2, time.Hour).TCP
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
	addr := startFewSlots(t, b, 1, time.Millisecond).TCP
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
	doors := startFewSlots(t, &admintest.Backend{}, 1, time.Hour)
	holder := connect(t, "tcp", doors.TCP)
	holder.send("numberofclients\n")
	holder.line()
	waiting := connect(t, "tcp", doors.TCP)
	stop(t, doors.Server)
	waiting.wantClosed()
}
