package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hassesd/hassesd/internal/admin/admintest"
	"github.com/hassesd/hassesd/internal/admin/api"
)

func TestTooManyConnections(t *testing.T) {
	const most = 128
	b := &admintest.Backend{}
	doors := admintest.Start(t, b)
	var peers []*peer
	for range most {
		p := connect(t, "tcp", doors.TCP)
		p.send("numberofclients\n")
		p.line() // it was let in
		peers = append(peers, p)
	}
	connect(t, "tcp", doors.TCP).wantClosed()
	connect(t, "tcp", doors.TCP).wantClosed()
	if got := fmt.Sprint(b.WaitRefusals(t, 2)); got != "[connections connections]" {
		t.Errorf("refused for %s", got)
	}

	other := connect(t, "unix", doors.Socket) // has slots of its own
	other.send("numberofclients\n")
	other.line()

	peers[0].closeWrite()
	peers[0].wantClosed()
	deadline := time.Now().Add(patience)
	for { // the place is free a moment after the end of the connection was seen
		p := connect(t, "tcp", doors.TCP)
		p.send("numberofclients\n")
		if _, err := p.r.ReadString('\n'); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a place that was left is not taken again")
		}
	}
}

func TestShutdownFinishesWhatHasArrived(t *testing.T) {
	const n = 50
	entered, gate := make(chan struct{}), make(chan struct{})
	b := &admintest.Backend{OnPublish: func(_ context.Context, p api.SendParams) error {
		if p.Data == "0" {
			close(entered)
			<-gate
		}
		return nil
	}}
	doors := admintest.Start(t, b)
	p := connect(t, "unix", doors.Socket)
	p.send("ack_enable\nroom=0\n")
	<-entered
	for i := 1; i < n; i++ {
		p.send(fmt.Sprintf("room=%d\n", i)) // waits in the kernel, as the first is held
	}
	p.send("room=last")
	stopped := make(chan error, 1)
	go func() { stopped <- doors.Server.Shutdown(t.Context()) }()
	close(gate)
	p.want("ok")
	for i := range n + 1 {
		p.want(fmt.Sprintf("ok e-%d 0", i+1))
	}
	p.wantClosed()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	b.WaitSent(t, n+1)
}

func TestShutdownLosesPatience(t *testing.T) {
	entered := make(chan struct{})
	b := &admintest.Backend{OnPublish: func(ctx context.Context, _ api.SendParams) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}}
	doors := admintest.Start(t, b)
	doors.Server.Serve() // does no harm
	p := connect(t, "unix", doors.Socket)
	p.send("room=0\n")
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := doors.Server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := io.ReadAll(p.r); err != nil && !errors.Is(err, unix.ECONNRESET) { // perhaps an error, and the end
		t.Error(err)
	}
}

func TestShutdownLeavesACommandThatHangs(t *testing.T) {
	entered, disk, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
	b := &admintest.Backend{OnPublish: func(context.Context, api.SendParams) error {
		close(entered)
		<-disk // whatever the context says
		close(over)
		return nil
	}}
	doors := admintest.Start(t, b)
	p := connect(t, "unix", doors.Socket)
	p.send("room=0\n")
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := doors.Server.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	p.wantClosed()
	close(disk)
	<-over
}

func TestShutdownEndsIdleConnections(t *testing.T) {
	doors := admintest.Start(t, &admintest.Backend{})
	silent := connect(t, "tcp", doors.TCP)
	classic := connect(t, "tcp", doors.TCP)
	classic.send("numberofclients\n")
	classic.line()
	stop(t, doors.Server)
	silent.wantClosed()
	classic.wantClosed()
}
